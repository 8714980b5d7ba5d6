"""Convolutions as ONNX nodes, with the two rewrites of `phases` where they apply."""

from typing import Any, cast

import numpy as np
from nst_rt.errors import ModelError
from numpy.typing import NDArray
from torch import Tensor, nn

from nst_export.onnx_graph.graph_builder import GraphBuilder
from nst_export.onnx_graph.phases import four_pixel_kernel, interleave, upsampling_phases

FEW_CHANNELS = 4
"""Up to this many output channels are computed four pixels at a time."""

_PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge"}
"""ONNX's names of torch's padding modes."""


def array_of(tensor: Tensor) -> NDArray[np.float32]:
    """A parameter as a float32 array of its shape."""
    return cast("NDArray[np.float32]", tensor.detach().float().cpu().numpy())


def convolution(graph: GraphBuilder, conv: nn.Conv2d, value: str, *, four_pixels: bool = False) -> str:
    """A convolution with its padding.

    Args:
        value: (N, in, H, W).
        four_pixels: height and width are even, so that few output channels may be computed four pixels at a time.

    Returns:
        The name of the result, (N, out, H / stride, W / stride).

    Raises:
        ModelError: a padding mode or a kernel that no rule writes.
    """
    side, stride, padding = _square(conv)
    kernel, bias = array_of(conv.weight), _bias_of(conv)
    if conv.padding_mode not in _PAD_MODES:
        raise ModelError(f"no rule writes padding mode {conv.padding_mode!r} as ONNX")
    mode = _PAD_MODES[conv.padding_mode]
    few = four_pixels and conv.groups == 1 and conv.out_channels <= FEW_CHANNELS
    if few and stride == 1 and side >= 3 and side == 2 * padding + 1:
        value = _pad(graph, value, padding, mode)
        value = _conv_node(graph, value, four_pixel_kernel(kernel), np.repeat(bias, 4), strides=[2, 2])
        return interleave(graph, value, conv.out_channels)
    attributes: dict[str, Any] = {"strides": [stride, stride]}
    if conv.groups != 1:
        attributes["group"] = conv.groups
    if conv.padding_mode == "zeros":
        attributes["pads"] = [padding] * 4
    else:
        value = _pad(graph, value, padding, mode)
    return _conv_node(graph, value, kernel, bias, **attributes)


def has_upsampling_phases(conv: nn.Conv2d) -> bool:
    """Whether nearest upsampling by 2 and this convolution can be computed as four phases."""
    return _square(conv) == (3, 1, 1) and conv.padding_mode in ("reflect", "zeros") and conv.groups == 1


def upsampled_phases(graph: GraphBuilder, conv: nn.Conv2d, value: str) -> str:
    """Nearest upsampling by 2 and a convolution that `has_upsampling_phases`, as four phases.

    Args:
        value: (N, in, H, W).

    Returns:
        The name of the phases, (N, 4 * out, H + 1, W + 1). Interleaved, they hold one pixel too many on every side.
    """
    zeros = conv.padding_mode == "zeros"
    if not zeros:  # reflection at full size repeats the border pixel, which at the low resolution is edge padding
        value = _pad(graph, value, 1, "edge")
    kernel, bias = upsampling_phases(array_of(conv.weight)), np.repeat(_bias_of(conv), 4)
    return _conv_node(graph, value, kernel, bias, **({"pads": [1] * 4} if zeros else {}))


def upsampled_convolution(graph: GraphBuilder, conv: nn.Conv2d, value: str, *, phases: bool) -> str:
    """Nearest upsampling by 2, then `conv`.

    Args:
        value: (N, in, H, W).
        phases: compute it as four phases where that is possible.

    Returns:
        The name of the result, (N, out, 2H, 2W).
    """
    if phases and has_upsampling_phases(conv):
        value = interleave(graph, upsampled_phases(graph, conv, value), conv.out_channels)
        starts, ends = graph.integers([1] * 2, "starts"), graph.integers([-1] * 2, "ends")
        return graph.node("Slice", [value, starts, ends, graph.integers([2, 3], "axes")], "crop")
    value = graph.node(
        "Resize",
        [value, "", graph.constant(np.array([1, 1, 2, 2], np.float32), "scales")],
        "upsample",
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return convolution(graph, conv, value)


def _bias_of(conv: nn.Conv2d) -> NDArray[np.float32]:
    return np.zeros(conv.out_channels, np.float32) if conv.bias is None else array_of(conv.bias)


def _pad(graph: GraphBuilder, value: str, amount: int, mode: str) -> str:
    """Pad height and width by `amount` on each side."""
    if not amount:
        return value
    return graph.node("Pad", [value, graph.integers([0, 0, amount, amount] * 2, "pads")], mode=mode)


def _conv_node(
    graph: GraphBuilder, value: str, kernel: NDArray[np.float32], bias: NDArray[np.float32], **attributes: Any
) -> str:
    weights = [graph.weight(kernel, "weight"), graph.weight(bias, "bias")]
    return graph.node("Conv", [value, *weights], kernel_shape=list(kernel.shape[2:]), **attributes)


def _square(conv: nn.Conv2d) -> tuple[int, int, int]:
    """Kernel side, stride and padding of a convolution that is the same in both directions."""
    kernel, stride, padding = conv.kernel_size, conv.stride, conv.padding
    if isinstance(padding, str) or len({*kernel}) + len({*stride}) + len({*padding}) != 3 or {*conv.dilation} != {1}:
        raise ModelError(f"no rule writes {conv} as ONNX: only square, undilated convolutions")
    return kernel[0], stride[0], padding[0]
