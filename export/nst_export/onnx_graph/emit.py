"""Torch modules to ONNX nodes: one rule per module type, so that a network is defined once, in torch.

Two rewrites give the same function for less work (`phases`):

* Nearest upsampling by 2 and a 3x3 convolution read every low-resolution pixel several times. The four output pixels
  around a corner of the low-resolution grid depend on the same 2x2 pixels, so a 2x2 convolution to four times the
  channels on the edge-padded input, a depth-to-space and a crop by one pixel compute the same image with 4/9 of the
  multiplications (sub-pixel convolution, Shi et al. 2016; resize-convolution, Odena et al. 2016).
* A convolution to three channels wastes most of a CPU's vector registers and a GPU's tiles. Computing 2x2 output
  pixels at once as twelve channels, with stride 2 and a kernel larger by one, fills them.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar, cast

import numpy as np
from nst_rt.errors import ModelError
from numpy.typing import NDArray
from torch import Tensor, nn

from nst_export.networks.adaptive import LeastSize, ScaledSigmoid
from nst_export.networks.conditional import (
    BEFORE,
    MARGIN,
    MOST_BEHIND,
    STRIDE,
    ConditionalResidual,
    ConditionalTransformer,
)
from nst_export.networks.layers import ConditionalInstanceNorm2d, UpsampleConv2d
from nst_export.networks.noise import LEVELS, FixedNoise, levels_of
from nst_export.networks.style_encoder import StyleEncoderStage
from nst_export.networks.transformer import ResidualBlock
from nst_export.onnx_graph.builder import GraphBuilder
from nst_export.onnx_graph.phases import interleave

FEW_CHANNELS = 4
"""Outputs up to this many channels are computed four pixels at a time."""

Module = TypeVar("Module", bound=nn.Module)
Rule = Callable[["Emitter", Any, str], str]

RULES: dict[type[nn.Module], Rule] = {}


def rule(kind: type[Module]) -> Callable[[Callable[["Emitter", Module, str], str]], Callable[..., str]]:
    """Register a function as the way to emit modules of type `kind`; subclasses inherit it."""

    def register(function: Callable[["Emitter", Module, str], str]) -> Callable[..., str]:
        RULES[kind] = function
        return function

    return register


class Emitter:
    """Walks modules and adds their nodes to a graph.

    Args:
        graph: where the nodes go.
        phases: use the two rewrites above.
        even: convolutions whose input is sure to have an even height and width, which the second rewrite needs.
        styles: (scale, shift) pairs for the conditional normalisations, in network order; each a vector of
            batch * channels values.
        gains: of the noise, in network order; each (batch, channels of the tile, 1, 1).
    """

    def __init__(
        self,
        graph: GraphBuilder,
        *,
        phases: bool = True,
        even: Collection[nn.Module] = (),
        styles: Iterator[tuple[str, str]] | None = None,
        gains: Iterator[str] | None = None,
    ) -> None:
        self.graph = graph
        self.phases = phases
        self.even = even
        self.styles = styles
        self.gains = gains
        self.margin = 0
        """Pixels at the top and at the left of the network's result that are still to be cropped, as all are that are
        too many at the bottom and at the right."""
        self.apart = False
        """Whether the network's result is four phases, still to be interleaved."""

    def emit(self, name: str, module: nn.Module, value: str) -> str:
        """Nodes for `module` applied to `value`, under `name`; returns the result's name.

        Raises:
            ModelError: for a module type without a rule.
        """
        for kind in type(module).__mro__:
            if kind in RULES:
                with self.graph.scope(name):
                    return RULES[kind](self, module, value)
        raise ModelError(f"no rule writes {type(module).__name__} as ONNX ({name})")

    def next_style(self) -> tuple[str, str]:
        """Scale and shift of the next conditional normalisation."""
        if self.styles is None:
            raise ModelError("the network has conditional normalisations, but the graph has no style input")
        return next(self.styles)

    def next_gains(self) -> str:
        """Gains of the next noise."""
        if self.gains is None:
            raise ModelError("the network has noise, but the graph has no style input")
        return next(self.gains)


def array_of(tensor: Tensor) -> NDArray[np.float32]:
    """A parameter as a float32 array."""
    return cast("NDArray[np.float32]", tensor.detach().float().cpu().numpy())


def bias_of(conv: nn.Conv2d) -> NDArray[np.float32]:
    """The bias of a convolution; zeros where it has none."""
    return np.zeros(conv.out_channels, np.float32) if conv.bias is None else array_of(conv.bias)


def pad(graph: GraphBuilder, value: str, amount: int, mode: str) -> str:
    """Pad height and width by `amount` on each side."""
    if not amount:
        return value
    return graph.node("Pad", [value, graph.integers([0, 0, amount, amount] * 2, "pads")], mode=mode)


def crop_margin(graph: GraphBuilder, value: str, margin: int) -> str:
    """Take `margin` pixels off each side."""
    starts, ends = graph.integers([margin] * 2, "starts"), graph.integers([-margin] * 2, "ends")
    return graph.node("Slice", [value, starts, ends, graph.integers([2, 3], "axes")], "crop")


def convolution(
    graph: GraphBuilder, value: str, kernel: NDArray[np.float32], bias: NDArray[np.float32], **attributes: Any
) -> str:
    """One Conv node."""
    weights = [graph.weight(kernel, "weight"), graph.weight(bias, "bias")]
    return graph.node("Conv", [value, *weights], kernel_shape=list(kernel.shape[2:]), **attributes)


def _square(conv: nn.Conv2d) -> tuple[int, int, int]:
    """Kernel side, stride and padding of a convolution that is the same in both directions."""
    kernel, stride, padding = conv.kernel_size, conv.stride, conv.padding
    if isinstance(padding, str) or len({*kernel}) + len({*stride}) + len({*padding}) != 3 or {*conv.dilation} != {1}:
        raise ModelError(f"no rule writes {conv} as ONNX: only square, undilated convolutions")
    return kernel[0], stride[0], padding[0]


@rule(nn.Conv2d)
def emit_convolution(emitter: Emitter, conv: nn.Conv2d, value: str) -> str:
    graph = emitter.graph
    side, stride, padding = _square(conv)
    kernel, bias = array_of(conv.weight), bias_of(conv)
    modes = {"zeros": "constant", "reflect": "reflect", "replicate": "edge"}
    if conv.padding_mode not in modes:
        raise ModelError(f"no rule writes padding mode {conv.padding_mode!r} as ONNX")
    few = emitter.phases and conv in emitter.even and conv.groups == 1 and conv.out_channels <= FEW_CHANNELS
    if few and stride == 1 and side >= 3 and side == 2 * padding + 1:
        phases = np.zeros((conv.out_channels, 2, 2, conv.in_channels, side + 1, side + 1), np.float32)
        for row in range(2):
            for column in range(2):
                phases[:, row, column, :, row : row + side, column : column + side] = kernel
        value = pad(graph, value, padding, modes[conv.padding_mode])
        kernel = phases.reshape(-1, *phases.shape[3:])
        value = convolution(graph, value, kernel, np.repeat(bias, 4), strides=[2, 2])
        return interleave(graph, value, conv.out_channels)
    attributes: dict[str, Any] = {"strides": [stride, stride]}
    if conv.groups != 1:
        attributes["group"] = conv.groups
    if conv.padding_mode == "zeros":
        attributes["pads"] = [padding] * 4
    else:
        value = pad(graph, value, padding, modes[conv.padding_mode])
    return convolution(graph, value, kernel, bias, **attributes)


# How the taps of a 3-tap kernel fall on two neighbouring low-resolution pixels: for the odd pixel of the first one
# (rows 0) and for the even pixel of the second one (rows 1).
_TAPS = np.array([[[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]]], np.float32)
# And back: the outer taps stand alone in one phase each, the middle one is what the first tap leaves of a sum.
_TAPS_BACK = np.array([[[0, 0], [1, 0]], [[1, 0], [-1, 0]], [[0, 1], [0, 0]]], np.float64)
_ROUNDING = 1e-5
"""Of the largest weight: how far the phases of one kernel may disagree about it after rounding to float32."""


def phases_of_kernel(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """The convolution that gives the four phases of nearest upsampling by 2 and a 3x3 convolution.

    Args:
        kernel: (out, in, 3, 3).

    Returns:
        (4 * out, in, 2, 2), ordered as `interleave` takes it.
    """
    phases = np.einsum("apu,bqv,oiuv->oabipq", _TAPS, _TAPS, kernel)
    return np.ascontiguousarray(phases).reshape(4 * kernel.shape[0], kernel.shape[1], 2, 2)


def kernel_of_phases(phases: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo `phases_of_kernel`, up to float32's rounding.

    Raises:
        ValueError: these are not the phases of a 3x3 kernel.
    """
    if phases.ndim != 4 or phases.shape[0] % 4 or phases.shape[2:] != (2, 2):
        raise ValueError(f"a kernel of shape {phases.shape} holds no four phases of 2x2")
    parts = phases.reshape(phases.shape[0] // 4, 2, 2, phases.shape[1], 2, 2).astype(np.float64)
    kernel: NDArray[np.float32] = np.einsum("uap,vbq,oabipq->oiuv", _TAPS_BACK, _TAPS_BACK, parts).astype(np.float32)
    if not np.allclose(phases_of_kernel(kernel), phases, rtol=0, atol=_ROUNDING * np.abs(phases).max(initial=0.0)):
        raise ValueError("its four phases belong to no 3x3 kernel")
    return kernel


def upsampled_convolution(emitter: Emitter, conv: nn.Conv2d, value: str, *, last: bool = False) -> str:
    """Nearest upsampling by 2, then `conv`. Of the network's last one the phases and a margin may be left to
    `close_frame`; `emitter.apart` and `emitter.margin` tell."""
    graph = emitter.graph
    if (
        not emitter.phases
        or _square(conv) != (3, 1, 1)
        or conv.padding_mode not in ("reflect", "zeros")
        or conv.groups != 1
    ):
        scales = graph.constant(np.array([1, 1, 2, 2], np.float32), "scales")
        value = graph.node(
            "Resize",
            [value, "", scales],
            "upsample",
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        return emit_convolution(emitter, conv, value)
    zeros = conv.padding_mode == "zeros"
    if not zeros:  # reflection at full size repeats the border pixel, which at the low resolution is edge padding
        value = pad(graph, value, 1, "edge")
    kernel, bias = phases_of_kernel(array_of(conv.weight)), np.repeat(bias_of(conv), 4)
    value = convolution(graph, value, kernel, bias, **({"pads": [1] * 4} if zeros else {}))
    if last:
        emitter.apart, emitter.margin = True, 1
        return value
    return crop_margin(graph, interleave(graph, value, conv.out_channels), 1)


@rule(UpsampleConv2d)
def emit_upsample_conv(emitter: Emitter, module: UpsampleConv2d, value: str) -> str:
    return upsampled_convolution(emitter, module.conv, value)


@rule(nn.ReLU)
def emit_relu(emitter: Emitter, module: nn.ReLU, value: str) -> str:
    return emitter.graph.node("Relu", [value])


@rule(ScaledSigmoid)
def emit_scaled_sigmoid(emitter: Emitter, module: ScaledSigmoid, value: str) -> str:
    graph = emitter.graph
    return graph.node("Mul", [graph.node("Sigmoid", [value]), graph.weight(np.full((), module.white), "white")])


@rule(LeastSize)
def emit_least_size(emitter: Emitter, module: LeastSize, value: str) -> str:
    graph = emitter.graph
    size = graph.node("Shape", [value], "size", start=2, end=4)
    missing = graph.node(
        "Max", [graph.node("Sub", [graph.integers([module.side], "side"), size]), graph.integers([0], "zero")]
    )
    pads = graph.node("Concat", [graph.integers([0] * 6, "none"), missing], "pads", axis=0)
    return graph.node("Pad", [value, pads], "enlarged", mode="edge")


@rule(nn.MaxPool2d)
def emit_max_pool(emitter: Emitter, module: nn.MaxPool2d, value: str) -> str:
    if (module.kernel_size, module.stride, module.padding, module.ceil_mode) != (2, 2, 0, False):
        raise ModelError(f"no rule writes {module} as ONNX: only 2x2 pooling with stride 2")
    return emitter.graph.node("MaxPool", [value], kernel_shape=[2, 2], strides=[2, 2])


@rule(nn.Sequential)
def emit_sequential(emitter: Emitter, module: nn.Sequential, value: str) -> str:
    children = list(module.named_children())
    position = 0
    while position < len(children):
        name, child = children[position]
        position += 1
        if not isinstance(child, nn.Upsample):
            value = emitter.emit(name, child, value)
            continue
        if child.mode != "nearest" or child.scale_factor != 2 or position == len(children):
            raise ModelError(f"no rule writes {child} as ONNX: only nearest upsampling by 2 before a convolution")
        name, conv = children[position]
        position += 1
        if not isinstance(conv, nn.Conv2d):
            raise ModelError(f"no rule writes upsampling followed by {type(conv).__name__} as ONNX")
        with emitter.graph.scope(name):
            value = upsampled_convolution(emitter, conv, value)
    return value


@rule(nn.InstanceNorm2d)
def emit_instance_norm(emitter: Emitter, module: nn.InstanceNorm2d, value: str) -> str:
    graph = emitter.graph
    ones, zeros = np.ones(module.num_features, np.float32), np.zeros(module.num_features, np.float32)
    # One node and never its parts: the CUDA kernel takes the statistics in float32 whatever the tensor's type.
    scale = graph.weight(array_of(module.weight) if module.affine else ones, "scale")
    shift = graph.weight(array_of(module.bias) if module.affine else zeros, "shift")
    return graph.node("InstanceNormalization", [value, scale, shift], "norm", epsilon=float(module.eps))


@rule(ConditionalInstanceNorm2d)
def emit_conditional_norm(emitter: Emitter, module: ConditionalInstanceNorm2d, value: str) -> str:
    return styled_norm(emitter.graph, value, *emitter.next_style(), module.channels, module.eps)


def styled_norm(graph: GraphBuilder, value: str, scale: str, shift: str, channels: int, eps: float) -> str:
    """Instance normalisation by vectors of batch * channels values.

    ONNX's node has one scale per channel, not per image. Statistics are taken per image and channel, so a batch
    of N images with C channels is the same as one image with N * C; the reshapes move no data.
    """
    value = graph.node("Reshape", [value, graph.integers([1, -1, 0, 0], "one_image")], "join_batch")
    value = graph.node("InstanceNormalization", [value, scale, shift], "norm", epsilon=float(eps))
    return graph.node("Reshape", [value, graph.integers([-1, channels, 0, 0], "images")], "split_batch")


@rule(ResidualBlock)
def emit_residual_block(emitter: Emitter, block: ResidualBlock, value: str) -> str:
    hidden = emitter.emit("conv1", block.conv1, value)
    hidden = emitter.emit("relu", block.relu, emitter.emit("in1", block.in1, hidden))
    hidden = emitter.emit("in2", block.in2, emitter.emit("conv2", block.conv2, hidden))
    return emitter.graph.node("Add", [hidden, value])


@rule(ConditionalResidual)
def emit_conditional_residual(emitter: Emitter, block: ConditionalResidual, value: str) -> str:
    hidden = emitter.emit("norm1", block.norm1, emitter.emit("conv1", block.conv1, value))
    hidden = emitter.graph.node("Relu", [hidden])
    hidden = emitter.emit("norm2", block.norm2, emitter.emit("conv2", block.conv2, hidden))
    return emitter.graph.node("Add", [hidden, value])


@rule(StyleEncoderStage)
def emit_style_encoder_stage(emitter: Emitter, stage: StyleEncoderStage, value: str) -> str:
    entered = emitter.emit("relu", stage.relu, emitter.emit("enter", stage.enter, value))
    refined = emitter.emit("relu", stage.relu, emitter.emit("refine", stage.refine, entered))
    return emitter.graph.node("Add", [entered, refined])


@rule(FixedNoise)
def emit_fixed_noise(emitter: Emitter, noise: FixedNoise, value: str) -> str:
    """Noise for feature maps `value`, of their size."""
    graph = emitter.graph
    size = graph.node("Shape", [value], "size", start=2)
    # Stored as bytes, which runtimes widen once, when they load the model; the convolution takes the steps back.
    levels = graph.constant(levels_of(array_of(noise.tile)), "tile")
    tile = graph.node("Cast", [levels], "widened", to=graph.float_type)
    # Columns of tiles are laid as bricks, so that what repeats is two tiles, the second half a tile lower.
    top, bottom = graph.integers([0], "top"), graph.integers([noise.side], "bottom")
    middle, down = graph.integers([noise.side - noise.side // 2], "middle"), graph.integers([2], "down")
    upper = graph.node("Slice", [tile, top, middle, down], "upper")
    lower = graph.node("Slice", [tile, middle, bottom, down], "lower")
    lowered = graph.node("Concat", [lower, upper], "lowered", axis=2)
    pair = graph.node("Concat", [tile, lowered], "pair", axis=3)
    # Ahead of the convolution there is a third or less of the memory to move, and its result needs no other layout.
    # Where the size is fixed, ONNX Runtime folds all this up to the gains into one constant.
    starts, axes = graph.integers([0, 0], "starts"), graph.integers([2, 3], "axes")
    needed = graph.node("Slice", [pair, starts, size, axes], "needed")
    one, sides = graph.integers([1, 1], "one"), graph.integers([noise.side, 2 * noise.side], "sides")
    tiles = graph.node("Div", [graph.node("Sub", [size, one], "last"), sides], "whole")
    repeats = graph.node("Concat", [one, graph.node("Add", [tiles, one], "tiles")], "repeats", axis=0)
    repeated = graph.node("Tile", [needed, repeats], "repeated")
    repeated = graph.node("Slice", [repeated, starts, size, axes], "cut")
    repeated = graph.node("Mul", [repeated, emitter.next_gains()], "gained")
    weight = graph.weight(array_of(noise.weight) / LEVELS, "weight")
    return graph.node("Conv", [repeated, weight], kernel_shape=[1, 1])


@rule(ConditionalTransformer)
def emit_conditional_transformer(emitter: Emitter, network: ConditionalTransformer, value: str) -> str:
    graph = emitter.graph
    with graph.scope("surroundings"):
        size = graph.node("Shape", [value], "size", start=2, end=4)
        half, stride = graph.integers([STRIDE // 2], "half"), graph.integers([STRIDE], "stride")
        past = graph.node("Mod", [graph.node("Add", [size, half]), stride], "past")
        behind = graph.node("Sub", [graph.integers([MOST_BEHIND], "most"), past], "behind")
        before = graph.integers([0, 0, BEFORE, BEFORE, 0, 0], "before")
        pads = graph.node("Concat", [before, behind], "pads", axis=0)
        value = graph.node("Pad", [value, pads], "surrounded", mode="reflect")

    def normalised(name: str, norm: ConditionalInstanceNorm2d, features: str) -> str:
        return graph.node("Relu", [emitter.emit(name, norm, features)], f"{name}/relu")

    def noisy(name: str, noise: FixedNoise, features: str) -> str:
        return graph.node("Add", [features, emitter.emit(name, noise, features)], f"{name}/add")

    quarter = normalised("stem_norm", network.stem_norm, emitter.emit("stem", network.stem, value))
    features = emitter.emit("down", network.down, quarter)
    features = noisy("down_noise", network.down_noise, features)
    features = normalised("down_norm", network.down_norm, features)
    for index, block in enumerate(network.trunk):
        features = emitter.emit(f"trunk.{index}", block, features)
    if network.skip_scale != 1:
        quarter = graph.node("Mul", [quarter, graph.weight(np.array(network.skip_scale), "skip_scale")], "skip_scaled")
    features = graph.node("Add", [emitter.emit("up_quarter", network.up_quarter, features), quarter], "skip")
    features = noisy("up_quarter_noise", network.up_quarter_noise, features)
    features = normalised("up_quarter_norm", network.up_quarter_norm, features)
    features = normalised("up_half_norm", network.up_half_norm, emitter.emit("up_half", network.up_half, features))
    # As bytes its pixels are cheaper to interleave, and the frame's own crop takes the margin off.
    with graph.scope("up_full"):
        stylised = upsampled_convolution(emitter, network.up_full.conv, features, last=True)
    emitter.margin += MARGIN
    return stylised
