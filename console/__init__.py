"""Shows devices, rounds and replays in a browser, and writes nothing unless that is allowed."""
