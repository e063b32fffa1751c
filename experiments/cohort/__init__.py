"""The synthetic patients held against real recordings."""
