"""The convolutions of a finished graph, and the paths of what they read and write."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from nst_rt.errors import ModelError
from numpy.typing import NDArray
from onnx import NodeProto

from nst_export.quantization.graph_walk import reached_from, readers, writer
from nst_export.quantization.observing import observe

_MOVES = ("Reshape", "Transpose", "Slice")
"""Operators that carry values unchanged, and do so for bytes as well; what they carry is their first input."""

_COPIES = (b"reflect", b"edge")
"""Modes of Pad that repeat values that are there; zeros would be another byte."""


@dataclass(frozen=True)
class Convolution:
    """A convolution of a graph that can be quantised."""

    name: str
    """Of its node."""
    source: str
    """The tensor that it reads, before the padding if that repeats values."""
    result: str
    """The tensor that it writes."""
    landing: str
    """The tensor that its result becomes by being moved around, as far as (batch, channels, height, width) lasts:
    the result itself, or behind upsampling the pixels that its phases were interleaved to."""
    multiplications: int
    """For the frames it was observed on."""


def find_convolutions(model: onnx.ModelProto, feeds: Mapping[str, NDArray[Any]]) -> list[Convolution]:
    """The convolutions of frames with constant weights, in the graph's order.

    Args:
        feeds: the inputs of the model, the frames first, two or more: that tells a batch from a single image.

    Raises:
        ModelError: there is none.
        ValueError: the nodes cannot be put in order, see `in_order`.
    """
    graph = model.graph
    weights = {tensor.name: tensor.dims for tensor in graph.initializer}
    of_frames = reached_from(graph, next(iter(feeds)))  # not of the network's own noise, which is cheap
    nodes = [
        node
        for node in graph.node
        if node.op_type == "Conv" and node.input[0] in of_frames and all(name in weights for name in node.input[1:])
    ]
    if not nodes:
        raise ModelError("there is no convolution in the graph that could be quantised")
    paths = {node.name: _path(graph, node.output[0]) for node in nodes}
    tensors = [tensor for path in paths.values() for tensor in path]
    (seen,) = observe(model, tensors, [feeds])
    batch = len(next(iter(feeds.values())))
    found = []
    for node in nodes:
        result = node.output[0]
        out = seen[result].shape[1]
        landing = [name for name in paths[node.name] if _is_batch_of_channels(seen[name].shape, batch, out)][-1]
        pad = _padding(graph, node)
        work = seen[result].size * int(np.prod(weights[node.input[1]][1:]))
        found.append(Convolution(node.name, pad.input[0] if pad else node.input[0], result, landing, work))
    return found


def _is_batch_of_channels(shape: tuple[int, ...], batch: int, out: int) -> bool:
    return len(shape) == 4 and shape[0] == batch and out % shape[1] == 0


def _path(graph: onnx.GraphProto, tensor: str) -> list[str]:
    """The tensor, and what it becomes as long as one operator alone reads it and only moves values."""
    path = [tensor]
    while True:
        found = [node for node in readers(graph, path[-1]) if node.op_type != "Shape"]
        if len(found) != 1 or found[0].op_type not in _MOVES or found[0].input[0] != path[-1]:
            return path
        path.append(found[0].output[0])


def _padding(graph: onnx.GraphProto, conv: NodeProto) -> NodeProto | None:
    """The Pad in front of a convolution, if it can pad bytes as well and serves nobody else."""
    pad = writer(graph, conv.input[0])
    if pad is None or pad.op_type != "Pad" or len(readers(graph, pad.output[0])) > 1:
        return None
    modes = [attribute.s for attribute in pad.attribute if attribute.name == "mode"]
    return pad if modes and modes[0] in _COPIES else None
