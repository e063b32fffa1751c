"""Runs federated rounds with the devices that stand benign now, and trusts nothing it has not checked now."""
