"""Rules that need no training: a device that copies itself, stands still, replays a day, or contradicts its own pulse."""
