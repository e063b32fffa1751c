"""What a worker holds of its devices, and how it gets it back after a restart."""
