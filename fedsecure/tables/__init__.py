"""What commands print: one file a subject, each for 80 columns."""
