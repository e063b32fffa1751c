"""The devices' updates: received, verified, screened and compared."""
