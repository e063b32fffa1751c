"""The protocols that monitors speak, one a file."""
