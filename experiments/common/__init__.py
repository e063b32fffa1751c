"""What the studies share beside their reports: estimates, finished stages on disk, worker processes."""
