"""From what the user has (modules of our own, ONNX files) to one float graph."""
