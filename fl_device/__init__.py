"""Takes part in federated rounds for devices: trains on a device's own clean windows and sends only weights."""
