"""All figures of an evaluation, as results.json holds them."""
