"""The devices: each trains on its own released windows and answers rounds."""
