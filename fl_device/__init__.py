"""Federated training on the devices' side: local training on clean windows, and signed updates."""
