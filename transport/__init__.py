"""How a program reaches Kafka, Redis and its watchers: the only code that three or more programs share at their edges."""
