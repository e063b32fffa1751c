"""The HTTP server of the console: pages, event streams, access and commands."""
