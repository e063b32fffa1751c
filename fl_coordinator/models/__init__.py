"""Global models: published, found again, and traced to the rounds that made them."""
