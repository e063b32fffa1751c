"""Every setting of every program, what it must be, and what goes together."""
