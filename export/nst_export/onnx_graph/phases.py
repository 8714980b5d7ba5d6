"""Phases: the 2x2 pixels that a convolution computes at once, as channels, and how they become pixels again."""

from nst_export.onnx_graph.builder import GraphBuilder


def interleave(graph: GraphBuilder, value: str, channels: int) -> str:
    """Depth to space: (N, channels * 2 * 2, H, W) -> (N, channels, 2H, 2W), the phase's row before its column."""
    if graph.precision == "fp16":
        return graph.node("DepthToSpace", [value], "pixels", blocksize=2, mode="CRD")
    # ONNX Runtime's DepthToSpace for CPUs, where float32 files run, takes twice as long as these two transposes: one
    # moves single numbers along one axis, the other whole rows.
    height = graph.node("Shape", [value], "height", start=2, end=3)
    rest = graph.integers([-1], "rest")
    value = graph.node("Reshape", [value, graph.integers([0, 2 * channels, 2, -1], "column_pairs")])
    value = graph.node("Transpose", [value], "columns", perm=[0, 1, 3, 2])
    pairs = graph.node("Concat", [graph.integers([0, channels, 2], "row_pairs"), height, rest], axis=0)
    value = graph.node("Reshape", [value, pairs])
    value = graph.node("Transpose", [value], "rows", perm=[0, 1, 3, 2, 4])
    doubled = graph.node("Mul", [height, graph.integers([2], "two")], "doubled")
    shape = graph.node("Concat", [graph.integers([0, channels], "image"), doubled, rest], axis=0)
    return graph.node("Reshape", [value, shape], "pixels")


def interleave_bytes(graph: GraphBuilder, value: str, channels: int) -> str:
    """The same with the channels last: uint8 (N, channels * 2 * 2, H, W) -> (N, 2H, 2W, channels).

    Two transposes again: whole rows first, then single bytes within a row.
    """
    height = graph.node("Shape", [value], "height", start=2, end=3)
    batch, rest = graph.integers([0], "batch"), graph.integers([-1], "rest")
    phases = graph.node("Concat", [graph.integers([0, channels, 2, 2], "phases"), height, rest], axis=0)
    value = graph.node("Reshape", [value, phases])
    value = graph.node("Transpose", [value], "rows", perm=[0, 4, 2, 3, 1, 5])
    doubled = graph.node("Mul", [height, graph.integers([2], "two")], "doubled")
    pairs = graph.node("Concat", [batch, doubled, graph.integers([2 * channels], "column_pairs"), rest], axis=0)
    value = graph.node("Reshape", [value, pairs])
    value = graph.node("Transpose", [value], "columns", perm=[0, 1, 3, 2])
    shape = graph.node("Concat", [batch, doubled, rest, graph.integers([channels], "channels")], axis=0)
    return graph.node("Reshape", [value, shape], "pixels")
