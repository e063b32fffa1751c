"""Faust workers: vitals in, verdicts out."""
