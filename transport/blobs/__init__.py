"""Weights outside Kafka's records: their encoding and the stores that keep them."""
