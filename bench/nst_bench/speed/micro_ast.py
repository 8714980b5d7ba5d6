"""MicroAST's architecture with random weights: what its published network does for each frame.

From Wang, Zhao, Zuo, Li, Chen, Xing and Lu, "MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer",
AAAI 2023 (arXiv 2211.15313); widths, kernels and strides as in the authors' code, github.com/EndyWon/MicroAST, with its
slimming factor of 1. A time does not depend on the weights.

The whole has 0.472 million parameters: 157 792 in the content encoder, as many in the style encoder, 2 560 in the
modulator, 153 843 in the decoder. The style encoder and the modulator run once per style, so they are not here:
their outputs are constants: a mean, a deviation, a filter weight and a filter bias for each channel of both levels.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 4
WIDTHS = (16, 32, 64)
"""Channels at full, half and quarter size."""


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    padding = kernel // 2
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, padding_mode="reflect")


def _grouped(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    """3x3 within groups (as many as the smaller number of channels), then 1x1 across them."""
    within = _conv(inputs, outputs, 3, stride, groups=min(inputs, outputs))
    return [within, nn.ReLU(), _conv(outputs, outputs, 1), nn.ReLU()]


class Block(nn.Module):
    """Two 3x3 convolutions around a rectifier, added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = _conv(channels, channels, 3), _conv(channels, channels, 3)

    def forward(self, features: Tensor) -> Tensor:
        hidden = functional.relu(self.first(features))
        changed: Tensor = self.second(hidden)
        return features + changed


class ModulatedBlock(Block):
    """A block on features that were given the style's statistics, its convolutions modulated by the style.

    A modulated convolution is the convolution times a weight, plus its own input times a bias, for each channel.
    """

    mean: Tensor
    deviation: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        for signal in ("mean", "weight", "bias"):
            self.register_buffer(signal, torch.randn(1, channels, 1, 1))
        self.register_buffer("deviation", torch.rand(1, channels, 1, 1) + 0.5)

    def forward(self, features: Tensor) -> Tensor:
        # One operator in place of separate mean and variance as in the authors' code, which favours the peer.
        styled = functional.instance_norm(features) * self.deviation + self.mean
        hidden = functional.relu(self.weight * self.first(styled) + self.bias * styled)
        changed: Tensor = self.weight * self.second(hidden) + self.bias * hidden
        return styled + changed


class MicroAst(nn.Sequential):
    """Content encoder and decoder, with one style as constants: RGB photographs in [0, 1] to the same, not clamped.

    Weights are drawn as in He et al. 2015: images keep their contrast, and those of several peers can be compared.

    Shapes: (N, 3, H, W), both sides multiples of `STRIDE` -> the same.
    """

    def __init__(self) -> None:
        full, half, quarter = WIDTHS
        encoder = nn.Sequential(
            _conv(3, full, 9),
            nn.ReLU(),
            *_grouped(full, half, stride=2),
            *_grouped(half, quarter, stride=2),
            Block(quarter),
            Block(quarter),
        )
        decoder = nn.Sequential(
            ModulatedBlock(quarter),
            ModulatedBlock(quarter),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            *_grouped(quarter, half),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            *_grouped(half, full),
            _conv(full, 3, 9),
        )
        # Named, because the Python that pnnx writes on its way to ncnn names tensors after them.
        super().__init__(OrderedDict(encoder=encoder, decoder=decoder))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
