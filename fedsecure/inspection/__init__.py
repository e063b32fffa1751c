"""What recordings are good for, before anything is judged or sent."""
