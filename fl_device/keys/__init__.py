"""The devices' signing keys: kept, registered and used."""
