"""One federated round: its phases, its lease, and what is on record of earlier ones."""
