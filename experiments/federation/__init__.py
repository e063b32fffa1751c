"""Federated learning with and without the gate, and with other defences."""
