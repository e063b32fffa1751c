"""What crosses a process boundary: messages, topics, Redis keys, metrics, settings, errors."""
