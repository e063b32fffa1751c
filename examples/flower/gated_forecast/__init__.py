"""A Flower app behind FedSecure's gate."""
