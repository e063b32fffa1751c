"""What a device is held against: its own past, and how far reference devices strayed from their own pasts."""
