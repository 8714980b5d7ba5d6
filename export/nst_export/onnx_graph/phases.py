"""Phases: the 2x2 pixels that one convolution computes at once, as channels; and how they become pixels again.

Two rewrites of convolutions use them. Both compute the same function with less work:

* Nearest upsampling by 2 and a 3x3 convolution read every low-resolution pixel several times. The four output pixels
  around a corner of the low-resolution grid depend on the same 2x2 pixels. A 2x2 convolution to four times the
  channels on the edge-padded input, a depth-to-space and a crop by one pixel therefore compute the same image with 4/9
  of the multiplications (sub-pixel convolution, Shi et al. 2016; resize-convolution, Odena et al. 2016).
* A convolution to three channels leaves most of a CPU's vector registers and of a GPU's tiles empty. Twelve channels,
  the 2x2 output pixels at once, fill them; the stride is then 2 and the kernel one pixel larger.
"""

import numpy as np
from numpy.typing import NDArray

from nst_export.onnx_graph.graph_builder import GraphBuilder

# How the weights of a 3-wide kernel fall on two neighbouring low-resolution pixels: for the odd pixel of the first one
# (rows 0) and for the even pixel of the second one (rows 1).
_SPREAD = np.array([[[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]]], np.float32)
# The inverse: each outer weight stands alone in one phase, the middle one is a sum minus the first.
_GATHER = np.array([[[0, 0], [1, 0]], [[1, 0], [-1, 0]], [[0, 1], [0, 0]]], np.float64)
_ROUNDING = 1e-5
"""How far the phases of one kernel may disagree after rounding to float32, as a part of the largest weight."""


def upsampling_phases(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """The kernel that computes the four phases of nearest upsampling by 2 and a 3x3 convolution.

    Args:
        kernel: float32 (out, in, 3, 3).

    Returns:
        float32 (4 * out, in, 2, 2), in the order that `interleave` reads.
    """
    phases = np.einsum("apu,bqv,oiuv->oabipq", _SPREAD, _SPREAD, kernel)
    return np.ascontiguousarray(phases).reshape(4 * kernel.shape[0], kernel.shape[1], 2, 2)


def kernel_of_upsampling_phases(phases: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo `upsampling_phases`, up to the rounding of float32.

    Raises:
        ValueError: these are not the phases of a 3x3 kernel.
    """
    if phases.ndim != 4 or phases.shape[0] % 4 or phases.shape[2:] != (2, 2):
        raise ValueError(f"a kernel of shape {phases.shape} holds no four phases of 2x2")
    parts = phases.reshape(phases.shape[0] // 4, 2, 2, phases.shape[1], 2, 2).astype(np.float64)
    kernel: NDArray[np.float32] = np.einsum("uap,vbq,oabipq->oiuv", _GATHER, _GATHER, parts).astype(np.float32)
    if not np.allclose(upsampling_phases(kernel), phases, rtol=0, atol=_ROUNDING * np.abs(phases).max(initial=0.0)):
        raise ValueError("its four phases belong to no 3x3 kernel")
    return kernel


def four_pixel_kernel(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """The kernel that computes 2x2 output pixels at once, for a convolution with stride 2.

    Args:
        kernel: float32 (out, in, side, side).

    Returns:
        float32 (4 * out, in, side + 1, side + 1), in the order that `interleave` reads.
    """
    out, inside, side, _ = kernel.shape
    phases = np.zeros((out, 2, 2, inside, side + 1, side + 1), np.float32)
    for row in range(2):
        for column in range(2):
            phases[:, row, column, :, row : row + side, column : column + side] = kernel
    return phases.reshape(-1, *phases.shape[3:])


def interleave(graph: GraphBuilder, value: str, channels: int) -> str:
    """Depth to space: (N, channels * 2 * 2, H, W) -> (N, channels, 2H, 2W); a phase's row comes before its column."""
    if graph.precision == "fp16":
        return graph.node("DepthToSpace", [value], "pixels", blocksize=2, mode="CRD")
    # float32 files run on CPUs, where ONNX Runtime's DepthToSpace takes twice as long as these two transposes:
    # the first moves single numbers along one axis, the second whole rows.
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

    Again two transposes: whole rows first, then single bytes within a row.
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
