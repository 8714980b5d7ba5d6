"""The ends that every graph shares: bytes to an image tensor, and a stylised image back to bytes.

Nothing here depends on numbers that only a run knows once the sizes are pinned: paddings, crops and shapes then fold
into constants.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from nst_rt import contract
from numpy.typing import NDArray

from nst_export.onnx_graph.builder import FLOAT32, UINT8, GraphBuilder
from nst_export.onnx_graph.phases import interleave, interleave_bytes

LUMA = np.array(contract.BT601_LUMINANCE, np.float32)
"""Weights of B, G and R in the brightness of ITU-R BT.601."""


@dataclass(frozen=True)
class Frame:
    """A frame inside the graph."""

    frame: str
    """uint8 (batch, height, width, 3), as it came in."""
    photograph: str
    """(batch, 3, height, width) BGR in [0, 255]."""
    padded: str
    """The photograph, reflected at the bottom and at the right up to multiples of the stride."""
    size: str
    """int64 (2): height and width."""


def open_frame(graph: GraphBuilder, stride: int, name: str = contract.FRAME) -> Frame:
    """The graph's image input as a tensor. A stride of 1 pads nothing.

    The padding is at most stride - 1 pixels, so with strides up to 16 it is legal from 16 pixels up.
    """
    batch = 1 if name == contract.IMAGE else contract.BATCH
    frame = graph.input(name, UINT8, [batch, contract.HEIGHT, contract.WIDTH, 3])
    with graph.scope("open"):
        if graph.precision == "fp16":  # TensorRT takes bytes no further than to a Cast
            value = graph.cast(frame, graph.float_type)
            photograph = graph.node("Transpose", [value], "photograph", perm=[0, 3, 1, 2])
        else:  # bytes are moved, a quarter of the memory
            photograph = graph.cast(graph.node("Transpose", [frame], "bytes", perm=[0, 3, 1, 2]), graph.float_type)
        size = graph.node("Shape", [frame], "size", start=1, end=3)
        padded = photograph
        if stride > 1:
            missing = graph.node("Mod", [graph.node("Neg", [size]), graph.integers([stride], "stride")], "missing")
            pads = graph.node("Concat", [graph.integers([0] * 6, "none"), missing], "pads", axis=0)
            padded = graph.node("Pad", [photograph, pads], "padded", mode="reflect")
    return Frame(frame, photograph, padded, size)


@dataclass(frozen=True)
class Controls:
    """The optional inputs, float32 (1) each; an empty name is an input that the graph leaves out."""

    strength: str = ""
    color: str = ""


def open_controls(graph: GraphBuilder) -> Controls:
    """Declare the optional inputs."""
    return Controls(graph.input(contract.STRENGTH, FLOAT32, [1]), graph.input(contract.COLOR, FLOAT32, [1]))


def full_controls() -> dict[str, NDArray[np.float32]]:
    """Values for the optional inputs at which they change nothing."""
    return {name: np.ones(1, np.float32) for name in (contract.STRENGTH, contract.COLOR)}


def nearly_full_controls() -> dict[str, NDArray[np.float32]]:
    """Values beside those: they change nothing that a byte shows, and take the branch that mixes."""
    return {name: np.full(1, 1 - 2**-20, np.float32) for name in (contract.STRENGTH, contract.COLOR)}


def open_style(graph: GraphBuilder, frame: Frame, pieces: Sequence[int]) -> list[str]:
    """Declare the style input and cut it up.

    Args:
        pieces: lengths, which add up to S.

    Returns:
        One float32 (batch, length) tensor for each piece; a single style vector is repeated for every frame.
    """
    style = graph.input(contract.STYLE, FLOAT32, [contract.STYLES, sum(pieces)])
    with graph.scope("style"):
        batch = graph.node("Shape", [frame.frame], "batch", start=0, end=1)
        shape = graph.node("Concat", [batch, graph.integers([sum(pieces)], "style_size")], "shape", axis=0)
        rows = graph.node("Expand", [style, shape], "rows")
        return graph.nodes("Split", [rows, graph.integers(pieces, "lengths")], len(pieces), "pieces", axis=1)


def close_frame(
    graph: GraphBuilder,
    frame: Frame,
    image: str,
    *,
    margin: int = 0,
    apart: bool = False,
    strength: str = "",
    color: str = "",
) -> None:
    """Crop, mix with the photograph, clamp, round, and declare the result.

    In an fp32 graph the photograph is mixed in only where a control asks for it: on a processor that takes longer than
    a convolution of the trunk. An fp16 graph has no branches, which CUDA graphs could not capture.

    Args:
        image: (batch, 3, at least height + 2 margin, at least width + 2 margin), BGR, about [0, 255].
        margin: pixels to leave out at the top and at the left, before height by width pixels are taken.
        apart: the image comes as its phases: (batch, 12, half its height, half its width); see `interleave`.
        strength: float32 (1), mixes pixels; empty for none.
        color: float32 (1); empty for none.
    """
    with graph.scope("close"):
        starts, ends = graph.integers([margin] * 2, "starts"), frame.size
        if margin:
            ends = graph.node("Add", [frame.size, starts], "ends")

        def alone() -> str:
            return _alone(graph, image, (starts, ends), apart)

        def mixed() -> str:
            return _mixed(graph, frame, image, (starts, ends), apart, strength, color)

        if not color:
            value = alone()
        elif graph.precision == "fp16":
            value = mixed()
        else:
            one = graph.constant(np.ones(1, np.float32), "one")
            full = graph.node("Equal", [color, one], "full_color")
            if strength:
                full = graph.node("And", [full, graph.node("Equal", [strength, one], "full_strength")], "full")
            value = graph.choose(full, alone, mixed, UINT8, "if_full")
    graph.output(value, contract.STYLIZED, UINT8, [contract.BATCH, contract.HEIGHT, contract.WIDTH, 3])


def _alone(graph: GraphBuilder, image: str, window: tuple[str, str], apart: bool) -> str:
    """The image as bytes (batch, height, width, 3), without the photograph."""
    if graph.precision == "fp16" and apart:
        image, apart = interleave(graph, image, 3), False  # one fast node on a GPU
    value = _to_bytes(graph, image)  # before anything is moved: a quarter of the memory
    value = interleave_bytes(graph, value, 3) if apart else graph.node("Transpose", [value], perm=[0, 2, 3, 1])
    return graph.node("Slice", [value, *window, graph.integers([1, 2], "axes")], "crop")


def _mixed(
    graph: GraphBuilder, frame: Frame, image: str, window: tuple[str, str], apart: bool, strength: str, color: str
) -> str:
    """The image mixed with the photograph, as bytes (batch, height, width, 3)."""
    value = interleave(graph, image, 3) if apart else image
    value = graph.node("Slice", [value, *window, graph.integers([2, 3], "axes")], "crop")
    # Mixed in float32: at strength 0 the photograph must come back to the byte. Clamped first, so that it is the
    # image one would see that lends its brightness.
    value = graph.to_float32(_clip(graph, value))
    both = graph.node("Concat", [value, graph.to_float32(frame.photograph)], "both", axis=1)
    columns = graph.node("Reshape", [both, graph.integers([0, 6, -1], "columns")])
    value = _to_bytes(graph, graph.node("MatMul", [_mixing(graph, strength, color), columns], "mix"), "fp32")
    value = graph.node("Transpose", [value], perm=[0, 2, 1])
    return graph.node("Reshape", [value, graph.node("Shape", [frame.frame])])


def _to_bytes(graph: GraphBuilder, value: str, precision: str = "") -> str:
    """Clamped to [0, 255] and rounded, half to even."""
    if graph.precision == "fp16":
        return graph.cast(graph.node("Round", [_clip(graph, value, precision)]), UINT8)
    # One pass over the memory that all threads share, where Clip, Round and Cast take three.
    step, zero = graph.constant(np.ones((), np.float32), "step"), graph.constant(np.zeros((), np.uint8), "zero")
    return graph.node("QuantizeLinear", [value, step, zero], "bytes")


def _clip(graph: GraphBuilder, value: str, precision: str = "") -> str:
    kind = np.float16 if (precision or graph.precision) == "fp16" else np.float32
    return graph.node(
        "Clip",
        [value, graph.constant(kind(0) * np.ones((), kind), "black"), graph.constant(np.full((), 255, kind), "white")],
    )


def _mixing(graph: GraphBuilder, strength: str, color: str) -> str:
    """The matrix (3, 6) that mixes a stylised pixel x and a photograph's pixel p, both BGR.

    With strength s, the style's brightness y and q = (1 - color) s:
    result = s x + (1 - s) p + q (p - x - 1 y'(p - x)), so that color 0 takes only the brightness from the style.
    """
    one, keep = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32) - np.tile(LUMA, (3, 1))
    chroma = graph.constant(np.hstack([-keep, keep]), "chroma")
    amount = graph.node("Sub", [graph.constant(np.ones(1, np.float32), "one"), color], "kept_color")
    if not strength:
        base = graph.constant(np.hstack([one, 0 * one]), "stylised")
        return graph.node("Add", [base, graph.node("Mul", [chroma, amount])], "mixing")
    amount = graph.node("Mul", [amount, strength])
    base = graph.node("Mul", [graph.constant(np.hstack([one, -one]), "exchange"), strength])
    base = graph.node("Add", [graph.constant(np.hstack([0 * one, one]), "photograph"), base])
    return graph.node("Add", [base, graph.node("Mul", [chroma, amount])], "mixing")
