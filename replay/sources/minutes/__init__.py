"""What raw values become: minutes on each channel's own grid, missing where nothing was measured."""
