"""Clients of Kafka: readers, publishers and topic administration."""
