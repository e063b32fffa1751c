"""Where recordings come from: a format a file."""
