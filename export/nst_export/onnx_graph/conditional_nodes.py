"""The conditional network as ONNX nodes: its style inputs, its noise and its trunk."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import nn

from nst_export.networks.conditional_layers import ConditionalInstanceNorm2d
from nst_export.networks.conditional_network import (
    BEFORE,
    MARGIN,
    MOST_BEHIND,
    STRIDE,
    ConditionalResidual,
    ConditionalTransformer,
)
from nst_export.networks.noise import LEVELS, FixedNoise, levels_of
from nst_export.onnx_graph.convolution_nodes import (
    array_of,
    has_upsampling_phases,
    upsampled_convolution,
    upsampled_phases,
)
from nst_export.onnx_graph.emitter import Emitter
from nst_export.onnx_graph.graph_builder import GraphBuilder
from nst_export.onnx_graph.normalization_nodes import styled_norm


@dataclass(frozen=True)
class StylizedFeatures:
    """What the conditional network computes, for `close_frame` to finish."""

    value: str
    """The tensor's name."""
    margin: int
    """Pixels to crop at the top and at the left; at the bottom and at the right everything that is too much."""
    apart: bool
    """The image comes as its four phases, which `close_frame` interleaves: as bytes that is cheaper."""


class ConditionalEmitter(Emitter):
    """Emits a conditional network and its parts.

    Args:
        graph, phases: as for `Emitter`.
        styles: (scale, shift) pairs for the conditional normalisations, in network order; each a vector of
            batch * channels values.
        gains: of the noise, in network order; each (batch, channels of the tile, 1, 1).
    """

    def __init__(
        self, graph: GraphBuilder, styles: Iterator[tuple[str, str]], gains: Iterator[str], *, phases: bool = True
    ) -> None:
        super().__init__(graph, phases=phases)
        self._styles = styles
        self._gains = gains

    def nodes_of(self, module: nn.Module, value: str) -> str:
        match module:
            case ConditionalInstanceNorm2d():
                return styled_norm(self.graph, value, *next(self._styles), module.channels, module.eps)
            case ConditionalResidual():
                hidden = self.emit("norm1", module.norm1, self.emit("conv1", module.conv1, value))
                hidden = self.graph.node("Relu", [hidden])
                hidden = self.emit("norm2", module.norm2, self.emit("conv2", module.conv2, hidden))
                return self.graph.node("Add", [hidden, value])
            case FixedNoise():
                return self._noise(module, value)
        return super().nodes_of(module, value)

    def emit_network(self, name: str, network: ConditionalTransformer, photograph: str) -> StylizedFeatures:
        """The whole network.

        Args:
            name: of the scope of its nodes.
            network: reads and writes BGR in [0, 255].
            photograph: (batch, 3, height, width).
        """
        graph = self.graph
        with graph.scope(name):
            surrounded = self._surrounded(photograph)
            quarter = self._normalised("stem_norm", network.stem_norm, self.emit("stem", network.stem, surrounded))
            features = self.emit("down", network.down, quarter)
            features = self._with_noise("down_noise", network.down_noise, features)
            features = self._normalised("down_norm", network.down_norm, features)
            for index, block in enumerate(network.trunk):
                features = self.emit(f"trunk.{index}", block, features)
            if network.skip_scale != 1:
                scale = graph.weight(np.array(network.skip_scale), "skip_scale")
                quarter = graph.node("Mul", [quarter, scale], "skip_scaled")
            features = graph.node("Add", [self.emit("up_quarter", network.up_quarter, features), quarter], "skip")
            features = self._with_noise("up_quarter_noise", network.up_quarter_noise, features)
            features = self._normalised("up_quarter_norm", network.up_quarter_norm, features)
            features = self.emit("up_half", network.up_half, features)
            features = self._normalised("up_half_norm", network.up_half_norm, features)
            conv = network.up_full.conv
            with graph.scope("up_full"):
                if self.phases and has_upsampling_phases(conv):
                    return StylizedFeatures(upsampled_phases(graph, conv, features), MARGIN + 1, apart=True)
                return StylizedFeatures(upsampled_convolution(graph, conv, features, phases=False), MARGIN, apart=False)

    def _surrounded(self, photograph: str) -> str:
        """The photograph with reflected pixels around it; see `MARGIN`."""
        graph = self.graph
        with graph.scope("surroundings"):
            size = graph.node("Shape", [photograph], "size", start=2, end=4)
            half, stride = graph.integers([STRIDE // 2], "half"), graph.integers([STRIDE], "stride")
            past = graph.node("Mod", [graph.node("Add", [size, half]), stride], "past")
            behind = graph.node("Sub", [graph.integers([MOST_BEHIND], "most"), past], "behind")
            before = graph.integers([0, 0, BEFORE, BEFORE, 0, 0], "before")
            pads = graph.node("Concat", [before, behind], "pads", axis=0)
            return graph.node("Pad", [photograph, pads], "surrounded", mode="reflect")

    def _normalised(self, name: str, norm: ConditionalInstanceNorm2d, features: str) -> str:
        return self.graph.node("Relu", [self.emit(name, norm, features)], f"{name}/relu")

    def _with_noise(self, name: str, noise: FixedNoise, features: str) -> str:
        return self.graph.node("Add", [features, self.emit(name, noise, features)], f"{name}/add")

    def _noise(self, noise: FixedNoise, value: str) -> str:
        """Noise for feature maps `value`, of their size."""
        graph = self.graph
        size = graph.node("Shape", [value], "size", start=2)
        # Stored as bytes, which runtimes widen once, when they load the model; the weights below undo the scale.
        levels = graph.constant(levels_of(array_of(noise.tile)), "tile")
        tile = graph.node("Cast", [levels], "widened", to=graph.float_type)
        # Tiles are laid as bricks: the pattern that repeats is two tiles, the second one half a tile lower.
        top, bottom = graph.integers([0], "top"), graph.integers([noise.side], "bottom")
        middle, down = graph.integers([noise.side - noise.side // 2], "middle"), graph.integers([2], "down")
        upper = graph.node("Slice", [tile, top, middle, down], "upper")
        lower = graph.node("Slice", [tile, middle, bottom, down], "lower")
        lowered = graph.node("Concat", [lower, upper], "lowered", axis=2)
        pair = graph.node("Concat", [tile, lowered], "pair", axis=3)
        # Before the convolution there is a third of the memory to move or less, and its result needs no other layout.
        # Where the size is fixed, ONNX Runtime folds everything up to the gains into one constant.
        starts, axes = graph.integers([0, 0], "starts"), graph.integers([2, 3], "axes")
        needed = graph.node("Slice", [pair, starts, size, axes], "needed")
        one, sides = graph.integers([1, 1], "one"), graph.integers([noise.side, 2 * noise.side], "sides")
        tiles = graph.node("Div", [graph.node("Sub", [size, one], "last"), sides], "whole")
        repeats = graph.node("Concat", [one, graph.node("Add", [tiles, one], "tiles")], "repeats", axis=0)
        repeated = graph.node("Tile", [needed, repeats], "repeated")
        repeated = graph.node("Slice", [repeated, starts, size, axes], "cut")
        repeated = graph.node("Mul", [repeated, next(self._gains)], "gained")
        weight = graph.weight(array_of(noise.weight) / LEVELS, "weight")
        return graph.node("Conv", [repeated, weight], kernel_shape=[1, 1])
