"""How the Bi-LSTM is built and trained, and what it is disturbed with."""
