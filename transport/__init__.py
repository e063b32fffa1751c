"""Clients of Kafka and Redis, probes and logs, shared by the programs."""
