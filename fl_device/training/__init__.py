"""Local training: windows, compiled steps, and the privacy of what is sent."""
