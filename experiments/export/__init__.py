"""The detector's network as ONNX files, and how far they are from it."""
