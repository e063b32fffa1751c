"""Measured studies and their reports: what the detector finds, how the cohort compares, what the paper's own tables say."""
