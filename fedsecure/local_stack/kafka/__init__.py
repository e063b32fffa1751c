"""The Apache Kafka broker of the local stack: its jars, its configuration and its process."""
