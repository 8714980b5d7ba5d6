"""Instance normalisation and channel statistics as ONNX nodes."""

import numpy as np
from torch import nn

from nst_export.onnx_graph.convolution_nodes import array_of
from nst_export.onnx_graph.graph_builder import GraphBuilder


def instance_norm(graph: GraphBuilder, module: nn.InstanceNorm2d, value: str) -> str:
    """Instance normalisation with the module's own scale and shift: (N, C, H, W) -> the same."""
    ones, zeros = np.ones(module.num_features, np.float32), np.zeros(module.num_features, np.float32)
    # One node and never its parts: the CUDA kernel takes the statistics in float32 whatever the tensor's type.
    scale = graph.weight(array_of(module.weight) if module.affine else ones, "scale")
    shift = graph.weight(array_of(module.bias) if module.affine else zeros, "shift")
    return graph.node("InstanceNormalization", [value, scale, shift], "norm", epsilon=float(module.eps))


def styled_norm(graph: GraphBuilder, value: str, scale: str, shift: str, channels: int, eps: float) -> str:
    """Instance normalisation whose scale and shift are tensors of the graph (Dumoulin et al. 2017, equation 5).

    ONNX's node has one scale for each channel, not for each image. Statistics are taken for each image and channel, so
    a batch of N images with C channels is the same as one image with N * C channels; the reshapes move no data.

    Args:
        value: (N, channels, H, W).
        scale, shift: vectors of N * channels values.
    """
    value = graph.node("Reshape", [value, graph.integers([1, -1, 0, 0], "one_image")], "join_batch")
    value = graph.node("InstanceNormalization", [value, scale, shift], "norm", epsilon=float(eps))
    return graph.node("Reshape", [value, graph.integers([-1, channels, 0, 0], "images")], "split_batch")


def means_and_deviations(graph: GraphBuilder, features: str, epsilon: float) -> str:
    """Channel means, then deviations, of float32 feature maps (1, C, H, W): (1, 2 C).

    Written as the centred mean square: the difference of mean square and squared mean loses its digits in float32.
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
