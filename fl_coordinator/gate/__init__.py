"""Which devices may take part now."""
