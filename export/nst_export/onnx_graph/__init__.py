"""ONNX graphs: the builder, the layers of the networks, and the frame around them."""
