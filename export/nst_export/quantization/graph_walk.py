"""Finding one's way in a finished graph."""

from collections.abc import Iterator

import onnx
from onnx import NodeProto

from nst_export.onnx_graph.graph_builder import names_read


def readers(graph: onnx.GraphProto, tensor: str) -> list[NodeProto]:
    """The nodes that read a tensor."""
    return [node for node in graph.node if tensor in names_read(node)]


def writer(graph: onnx.GraphProto, tensor: str) -> NodeProto | None:
    """The node that makes a tensor; None for inputs and weights of the graph."""
    return next((node for node in graph.node if tensor in node.output), None)


def reached_from(graph: onnx.GraphProto, source: str) -> set[str]:
    """The tensors that depend on the values of one, itself among them; those that depend on its shape alone do not
    count.

    Raises:
        ValueError: see `in_order`.
    """
    reached = {source}
    for node in in_order(graph):
        if node.op_type != "Shape" and reached.intersection(names_read(node)):
            reached.update(node.output)
    return reached


def in_order(graph: onnx.GraphProto) -> Iterator[NodeProto]:
    """The nodes, each behind those that it reads from.

    Raises:
        ValueError: they read from each other in a circle, or something that is nowhere.
    """
    there = {"", *(tensor.name for tensor in graph.initializer), *(entry.name for entry in graph.input)}
    waiting = list(graph.node)
    while waiting:
        left = []
        for node in waiting:
            if there.issuperset(names_read(node)):
                there.update(node.output)
                yield node
            else:
                left.append(node)
        if len(left) == len(waiting):
            raise ValueError(f"{left[0].name} reads what no node writes")
        waiting = left
