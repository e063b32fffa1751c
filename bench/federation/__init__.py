"""A federation of a thousand devices on one machine: what in it is real and what is not stands in docs/federation.md."""
