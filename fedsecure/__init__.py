"""The command line, the local stack and the demo: where the parts are put together."""
