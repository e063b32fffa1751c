"""The device host: it follows vitals and rounds and answers for its devices."""
