"""How scores become votes, a rule a file; one is chosen when a model is made, and every profile records which."""
