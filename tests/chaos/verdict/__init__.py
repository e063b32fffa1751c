"""What is on record after a run, compared with what a quiet day would have left there."""
