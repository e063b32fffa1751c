"""The secure profile: who may do what on Kafka and Redis, certificates and passwords as files, and how they are put in force."""
