"""The detector bundle in force, loaded and changed while the worker runs."""
