"""What does the model see? Model cards, weights that are who they say they are, ONNX Runtime."""
