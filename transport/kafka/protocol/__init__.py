"""What aiokafka does not speak yet of Kafka's protocol."""
