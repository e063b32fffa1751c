"""Detector bundles on Kafka: their files and their releases."""
