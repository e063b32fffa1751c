"""Features of a window that a classifier reads, one family a file."""
