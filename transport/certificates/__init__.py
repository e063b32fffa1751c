"""Certificates in files: when they expire, and how a server shows its own."""
