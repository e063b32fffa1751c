"""Autoencoders: what a clean hour of vitals looks like, one architecture a file."""
