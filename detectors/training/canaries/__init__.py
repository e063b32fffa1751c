"""The canary: windows of held-out patients, clean and attacked, on which a new bundle is tried."""
