"""HL7 v2: what a message says, as far as minutes of vital signs need it, and what is answered."""
