"""The Faust app: the consumer group, its placement of partitions and its commits."""
