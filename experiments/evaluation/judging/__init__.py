"""Detectors and their variants, fitted and calibrated on some folds and judged on others."""
