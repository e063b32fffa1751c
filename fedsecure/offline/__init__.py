"""Judges recordings of any size offline: part by part, on as many cores as wanted, in memory that does not grow with them."""
