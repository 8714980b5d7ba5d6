"""The two ends of every graph: bytes to an image tensor, and the stylised image back to bytes.

Paddings, crops and shapes depend on the frame's size alone. Where a session pins the sizes, they fold into constants.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from nst_rt import contract
from numpy.typing import NDArray

from nst_export.onnx_graph.graph_builder import FLOAT32, UINT8, GraphBuilder
from nst_export.onnx_graph.phases import interleave, interleave_bytes

LUMINANCE = np.array(contract.BT601_LUMINANCE, np.float32)
"""Weights of B, G and R in the luminance of ITU-R BT.601."""


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
    """Declare the graph's image input and make a tensor of it.

    The padding is at most stride - 1 pixels. With strides up to 16 every side from 16 pixels up has enough to reflect.

    Args:
        stride: of the padding, see `Frame.padded`; 1 pads nothing.
        name: of the input; `image` for a style encoder, which takes one image and no batch.
    """
    batch = 1 if name == contract.IMAGE else contract.BATCH
    frame = graph.input(name, UINT8, [batch, contract.HEIGHT, contract.WIDTH, 3])
    with graph.scope("open"):
        if graph.precision == "fp16":  # TensorRT takes bytes into a Cast and into nothing else
            value = graph.cast(frame, graph.float_type)
            photograph = graph.node("Transpose", [value], "photograph", perm=[0, 3, 1, 2])
        else:  # transposed as bytes, a quarter of the memory
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
    """Names of the optional inputs, float32 (1) each; an empty name is an input that the graph leaves out."""

    strength: str = ""
    color: str = ""


NO_CONTROLS = Controls()


def open_controls(graph: GraphBuilder) -> Controls:
    """Declare the optional inputs."""
    return Controls(graph.input(contract.STRENGTH, FLOAT32, [1]), graph.input(contract.COLOR, FLOAT32, [1]))


def full_controls() -> dict[str, NDArray[np.float32]]:
    """Values of the optional inputs that change nothing."""
    return {name: np.ones(1, np.float32) for name in (contract.STRENGTH, contract.COLOR)}


def nearly_full_controls() -> dict[str, NDArray[np.float32]]:
    """Values just below 1: the bytes stay the same, but the graph takes the branch that mixes."""
    return {name: np.full(1, 1 - 2**-20, np.float32) for name in (contract.STRENGTH, contract.COLOR)}


def open_style(graph: GraphBuilder, frame: Frame, pieces: Sequence[int]) -> list[str]:
    """Declare the style input and split it.

    Args:
        pieces: lengths of the pieces; their sum is S.

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
    controls: Controls = NO_CONTROLS,
) -> None:
    """Crop, mix with the photograph, clamp, round, and declare the result.

    An fp32 graph mixes the photograph in only where a control asks for it: on a CPU that takes longer than a
    convolution of the trunk. An fp16 graph has no branches, because CUDA graphs cannot capture them.

    Args:
        image: (batch, 3, at least height + 2 margin, at least width + 2 margin), BGR, about [0, 255].
        margin: pixels to crop at the top and at the left; height by width pixels remain.
        apart: the image comes as its phases, (batch, 12, half its height, half its width); see `interleave`.
        controls: the inputs; one that the family has already used, or that the graph leaves out, is empty.
    """
    strength, color = controls.strength, controls.color
    with graph.scope("close"):
        starts, ends = graph.integers([margin] * 2, "starts"), frame.size
        if margin:
            ends = graph.node("Add", [frame.size, starts], "ends")

        if not color:
            value = _stylized_bytes(graph, image, (starts, ends), apart)
        elif graph.precision == "fp16":
            value = _mixed_bytes(graph, frame, image, (starts, ends), apart, controls)
        else:
            one = graph.constant(np.ones(1, np.float32), "one")
            full = graph.node("Equal", [color, one], "full_color")
            if strength:
                full = graph.node("And", [full, graph.node("Equal", [strength, one], "full_strength")], "full")
            with graph.branch(UINT8) as plain:
                plain.result = _stylized_bytes(graph, image, (starts, ends), apart)
            with graph.branch(UINT8) as mixed:
                mixed.result = _mixed_bytes(graph, frame, image, (starts, ends), apart, controls)
            value = graph.choose(full, plain, mixed, "if_full")
    graph.output(value, contract.STYLIZED, UINT8, [contract.BATCH, contract.HEIGHT, contract.WIDTH, 3])


def _stylized_bytes(graph: GraphBuilder, image: str, window: tuple[str, str], apart: bool) -> str:
    """The image as bytes (batch, height, width, 3), without the photograph."""
    if graph.precision == "fp16" and apart:
        image, apart = interleave(graph, image, 3), False  # one fast node on a GPU
    value = _to_bytes(graph, image)  # first of all: bytes are a quarter of the memory to move
    value = interleave_bytes(graph, value, 3) if apart else graph.node("Transpose", [value], perm=[0, 2, 3, 1])
    return graph.node("Slice", [value, *window, graph.integers([1, 2], "axes")], "crop")


def _mixed_bytes(
    graph: GraphBuilder, frame: Frame, image: str, window: tuple[str, str], apart: bool, controls: Controls
) -> str:
    """The image mixed with the photograph, as bytes (batch, height, width, 3)."""
    value = interleave(graph, image, 3) if apart else image
    value = graph.node("Slice", [value, *window, graph.integers([2, 3], "axes")], "crop")
    # Mixed in float32, so that strength 0 gives the photograph to the byte. Clamped first, so that the brightness is
    # that of the image as one sees it.
    value = graph.to_float32(_clip(graph, value))
    both = graph.node("Concat", [value, graph.to_float32(frame.photograph)], "both", axis=1)
    columns = graph.node("Reshape", [both, graph.integers([0, 6, -1], "columns")])
    value = _to_bytes(graph, graph.node("MatMul", [_mixing(graph, controls), columns], "mix"), "fp32")
    value = graph.node("Transpose", [value], perm=[0, 2, 1])
    return graph.node("Reshape", [value, graph.node("Shape", [frame.frame])])


def _to_bytes(graph: GraphBuilder, value: str, precision: str = "") -> str:
    """Clamped to [0, 255] and rounded, half to even."""
    if graph.precision == "fp16":
        return graph.cast(graph.node("Round", [_clip(graph, value, precision)]), UINT8)
    # One pass over the memory, by all threads; Clip, Round and Cast would take three.
    step, zero = graph.constant(np.ones((), np.float32), "step"), graph.constant(np.zeros((), np.uint8), "zero")
    return graph.node("QuantizeLinear", [value, step, zero], "bytes")


def _clip(graph: GraphBuilder, value: str, precision: str = "") -> str:
    kind = np.float16 if (precision or graph.precision) == "fp16" else np.float32
    return graph.node(
        "Clip",
        [value, graph.constant(kind(0) * np.ones((), kind), "black"), graph.constant(np.full((), 255, kind), "white")],
    )


def _mixing(graph: GraphBuilder, controls: Controls) -> str:
    """The matrix (3, 6) that mixes a stylised pixel x and a photograph's pixel p, both BGR.

    With strength s, the style's brightness y and q = (1 - color) s:
    result = s x + (1 - s) p + q (p - x - 1 y'(p - x)), so that color 0 takes only the brightness from the style.
    """
    strength, color = controls.strength, controls.color
    one, keep = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32) - np.tile(LUMINANCE, (3, 1))
    chroma = graph.constant(np.hstack([-keep, keep]), "chroma")
    amount = graph.node("Sub", [graph.constant(np.ones(1, np.float32), "one"), color], "kept_color")
    if not strength:
        base = graph.constant(np.hstack([one, 0 * one]), "stylised")
        return graph.node("Add", [base, graph.node("Mul", [chroma, amount])], "mixing")
    amount = graph.node("Mul", [amount, strength])
    base = graph.node("Mul", [graph.constant(np.hstack([one, -one]), "exchange"), strength])
    base = graph.node("Add", [graph.constant(np.hstack([0 * one, one]), "photograph"), base])
    return graph.node("Add", [base, graph.node("Mul", [chroma, amount])], "mixing")
