"""The conditional transformer network: one trunk, any style as a vector of scales and shifts.

Dumoulin et al. 2017, "A Learned Representation for Artistic Style", with a trunk that is designed for a low cost per
pixel: first an 8x8 convolution of stride 4, then residual blocks at 1/8 of the size, then nearest upsampling. A skip at
1/4 keeps contours. Fixed noise at 1/8 and 1/4 gives even areas a texture; every style has its own gains for it. Channel
counts are multiples of 16, the block of a 512-bit float32 register: CPU runtimes pad all others to it.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from nst_export.networks.conditional_layers import (
    ConditionalInstanceNorm2d,
    UpsampleConv2d,
)
from nst_export.networks.noise import FixedNoise

STRIDE = 8
MARGIN = STRIDE
"""Pixels that are painted beyond each side of a photograph, from its reflection, and cropped. Without them the trunk,
which sees the padding, paints rims of another colour along the borders. A multiple of STRIDE; at the right and at the
bottom up to half a STRIDE more or less, so that the trunk has whole positions."""
STEM_PADDING = 2
"""Pixels that the first convolution reads beyond the margin."""
BEFORE, MOST_BEHIND = STEM_PADDING + MARGIN, STEM_PADDING + MARGIN + STRIDE // 2
SWELLS, GRAIN = (0.0, 1.6, 3.2), (0.0,)
"""Widths of the noise at 1/8 of the size, from single strokes to swells, and at 1/4, the grain of the canvas; see
`noise_tile`. Both also have streaks."""


class ConditionalResidual(nn.Module):
    """conv - norm - relu - conv - norm, added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.norm1 = ConditionalInstanceNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.norm2 = ConditionalInstanceNorm2d(channels)

    def forward(self, features: Tensor, styles: Iterator[tuple[Tensor, Tensor]]) -> Tensor:
        hidden = functional.relu(self.norm1(self.conv1(features), *next(styles)))
        residual: Tensor = self.norm2(self.conv2(hidden), *next(styles))
        return features + residual


class ConditionalTransformer(nn.Module):
    """RGB photographs in [0, 1] and style vectors to stylised RGB images, about [0, 1], not clamped.

    Args:
        quarter: channels at 1/4 of the size.
        eighth: channels of the trunk, at 1/8.
        half: channels at 1/2.
        blocks: residual blocks of the trunk.

    Shapes: photographs (N, 3, H, W) with H and W of at least 16; style (N or 1, style_size): all scales, then all
    shifts, then the gains of the noise, each in network order; the result has the photographs' shape.
    """

    def __init__(self, quarter: int = 32, eighth: int = 48, half: int = 16, blocks: int = 5) -> None:
        super().__init__()
        self.widths = {"quarter": quarter, "eighth": eighth, "half": half, "blocks": blocks}
        self.stem = nn.Conv2d(3, quarter, 8, stride=4)
        self.stem_norm = ConditionalInstanceNorm2d(quarter)
        self.down = nn.Conv2d(quarter, eighth, 3, stride=2, padding=1, padding_mode="reflect")
        self.down_noise = FixedNoise(eighth, SWELLS, pixels=8, seed=7)
        self.down_norm = ConditionalInstanceNorm2d(eighth)
        self.trunk = nn.ModuleList(ConditionalResidual(eighth) for _ in range(blocks))
        self.up_quarter = UpsampleConv2d(eighth, quarter)
        self.up_quarter_noise = FixedNoise(quarter, GRAIN, pixels=4, seed=8)
        self.up_quarter_norm = ConditionalInstanceNorm2d(quarter)
        self.up_half = UpsampleConv2d(quarter, half)
        self.up_half_norm = ConditionalInstanceNorm2d(half)
        self.up_full = UpsampleConv2d(half, 3)
        nn.init.constant_(self.up_full.conv.bias, 0.5)  # type: ignore[arg-type]  # Conv2d.bias is Tensor | None
        self.skip_scale = 1.0
        """Factor of the skip at 1/4. It differs from 1 only in copies for fp16, where everything that is added to it
        has the same scale."""
        self.channels = [module.channels for module in self.modules() if isinstance(module, ConditionalInstanceNorm2d)]
        """Of the conditional normalisations, in the order of the style vector."""
        self.noise_channels = [self.down_noise.tile_channels, self.up_quarter_noise.tile_channels]

    @property
    def style_parts(self) -> list[int]:
        """Lengths of a style vector's parts: every normalisation's scales, their shifts, the gains of the noise."""
        return [*self.channels, *self.channels, *self.noise_channels]

    @property
    def style_size(self) -> int:
        """Length S of a style vector."""
        return sum(self.style_parts)

    def neutral_style(self) -> Tensor:
        """The style vector (1, S) that leaves everything as it is: scales 1, shifts 0, gains 1."""
        total = sum(self.channels)
        return torch.cat([torch.ones(1, total), torch.zeros(1, total), torch.ones(1, sum(self.noise_channels))], dim=1)

    def draw_noise_offset(self, rng: torch.Generator) -> tuple[int, int]:
        """A random offset of the noise at 1/8, for training: without it the network would memorise a part of the noise.

        Args:
            rng: makes the offset reproducible.

        Returns:
            Positions down and right.
        """
        down, right = torch.randint(0, self.down_noise.side, (2,), generator=rng).tolist()
        return down, right

    def forward(self, photographs: Tensor, style: Tensor, noise_offset: tuple[int, int] = (0, 0)) -> Tensor:
        """
        Args:
            noise_offset: where the noise at 1/8 begins, see `FixedNoise`. The noise at 1/4 moves by the same number of
                pixels, as in a part of a larger image.
        """
        height, width = photographs.shape[2:]
        right, below = _surroundings(width), _surroundings(height)
        surrounded = functional.pad(photographs, (*right, *below), mode="reflect")
        return self._paint(surrounded, style, noise_offset)[..., MARGIN : MARGIN + height, MARGIN : MARGIN + width]

    def _paint(self, surrounded: Tensor, style: Tensor, noise_offset: tuple[int, int]) -> Tensor:
        """Photographs with their surroundings to stylised images that still have the margin."""
        finer = (2 * noise_offset[0], 2 * noise_offset[1])
        parts = torch.split(style, self.style_parts, dim=1)
        count = len(self.channels)
        styles = iter(list(zip(parts[:count], parts[count : 2 * count], strict=True)))
        down_gains, up_quarter_gains = parts[2 * count :]
        quarter = functional.relu(self.stem_norm(self.stem(surrounded), *next(styles)))
        features = self.down(quarter)
        features = features + self.down_noise(features.shape[2:], down_gains, noise_offset).to(features.dtype)
        features = functional.relu(self.down_norm(features, *next(styles)))
        for block in self.trunk:
            features = block(features, styles)
        features = self.up_quarter(features) + self.skip_scale * quarter
        features = features + self.up_quarter_noise(features.shape[2:], up_quarter_gains, finer).to(features.dtype)
        features = functional.relu(self.up_quarter_norm(features, *next(styles)))
        features = functional.relu(self.up_half_norm(self.up_half(features), *next(styles)))
        stylised: Tensor = self.up_full(features)
        return stylised


def _surroundings(side: int) -> tuple[int, int]:
    """Pixels to reflect before and behind a side: the margin, and what the first convolution needs. They are at most
    14, so that every side from 16 up has enough to reflect."""
    return BEFORE, MOST_BEHIND - (side + STRIDE // 2) % STRIDE
