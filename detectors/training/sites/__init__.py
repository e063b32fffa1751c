"""A detector tried on a site's own clean recordings, and its threshold fitted to them."""
