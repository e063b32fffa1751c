"""Training: from reference patients and attack injectors, both passed in, to a bundle with calibrated thresholds."""
