"""Runs federated rounds with the devices that are benign now."""
