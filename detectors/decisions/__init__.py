"""From scores to states: votes over the last decisions, the rules by which they count, the device's state."""
