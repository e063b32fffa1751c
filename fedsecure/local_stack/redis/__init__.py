"""The Redis of the local stack: which one is started, its configuration and its process."""
