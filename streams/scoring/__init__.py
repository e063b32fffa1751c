"""Micro-batches of vitals in, published verdicts out."""
