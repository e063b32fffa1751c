"""One file a command; heavy imports happen inside the functions, so that `--help` answers at once."""
