"""A whole installation to do harm to: services, programs, the network between them, and the patients."""
