"""Channel statistics as ONNX nodes, for style encoders."""

import numpy as np

from nst_export.onnx_graph.builder import GraphBuilder


def means_and_deviations(graph: GraphBuilder, features: str, epsilon: float) -> str:
    """Channel means, then deviations, of float32 feature maps (1, C, H, W): (1, 2 C).

    Written as the centred mean square: the difference of mean square and squared mean cancels in float32.
    """
    with graph.scope("statistics"):
        axes = graph.integers([2, 3], "axes")
        mean = graph.node("ReduceMean", [features, axes], "mean", keepdims=1)
        centered = graph.node("Sub", [features, mean], "centered")
        squares = graph.node("Mul", [centered, centered], "squares")
        variance = graph.node("ReduceMean", [squares, axes], "variance", keepdims=1)
        offset = graph.constant(np.full(1, epsilon, np.float32), "epsilon")
        deviation = graph.node("Sqrt", [graph.node("Add", [variance, offset])], "deviation")
        both = graph.node("Concat", [mean, deviation], "both", axis=1)
        return graph.node("Reshape", [both, graph.integers([1, -1], "row")], "vector")
