"""What FedSecure costs, measured side by side on one machine: `make bench`."""
