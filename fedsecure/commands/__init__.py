"""One file a command, whose heavy imports happen inside its functions, so that `--help` answers at once."""
