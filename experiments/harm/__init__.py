"""What poisoned data does to a federation of real patients, and what the gate gives back."""
