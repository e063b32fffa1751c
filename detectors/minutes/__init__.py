"""From raw vital signs to clean minutes: artefacts out, short gaps filled, the monitor's grid, windows."""
