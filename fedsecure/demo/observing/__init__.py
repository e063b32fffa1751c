"""What a demo run showed from outside, and the verdict on it."""
