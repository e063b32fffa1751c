"""The compiled runtime: windows in, reconstruction errors and logits out."""
