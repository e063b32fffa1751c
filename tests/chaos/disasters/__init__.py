"""What may go wrong, when, and how it is brought about."""
