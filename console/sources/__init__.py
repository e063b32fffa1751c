"""What the console reads from Kafka and Redis, and whether they answer."""
