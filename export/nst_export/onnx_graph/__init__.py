"""ONNX graphs: the builder, the nodes of the networks, and the two ends that read and write frames."""
