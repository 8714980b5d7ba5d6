"""Fixed noise, from which a network paints strokes where a photograph is even.

Without noise a network of convolutions fills an even area with a regular pattern, whose period is its stride. Ulyanov
et al. 2016 ("Texture Networks") paint from noise for that reason, and Karras et al. 2019 (StyleGAN) add noise to
feature maps. Here every frame has the same noise, so that nothing flickers. Some channels are streaks along a flow
field, so that strokes turn as those of a brush do.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nst_export.networks.flow_field import FLOW, blurred, field, streaks, white_noise

EXTENT = 1024
"""Pixels of the photograph along a side of the noise tile; `laid` repeats it beyond."""
EACH = 4
"""Channels of each width."""
STREAKS = 4
"""Channels of streaks along the flow."""
LEVELS = 32
"""Steps of the noise within one standard deviation: eight bits hold it, a quarter of the space of floats."""
_BEGINNING = 0.05
"""Standard deviation of fresh weights: small compared with a convolution of normalised features."""


def noise_channels(widths: tuple[float, ...]) -> int:
    """The number of channels of a `noise_tile` of these widths."""
    return EACH * len(widths) + STREAKS


def levels_of(noise: NDArray[Any]) -> NDArray[np.int8]:
    """Noise in whole steps of 1 / LEVELS: int8 of its shape."""
    return np.round(noise * LEVELS).clip(-128, 127).astype(np.int8)


@cache
def noise_tile(widths: tuple[float, ...], pixels: int, seed: int) -> NDArray[np.float32]:
    """A seamless noise tile: float32 (1, channels, side, side) with mean 0 and standard deviation 1 in every channel,
    in whole steps of 1 / LEVELS from -128 to 127 steps. It is read-only.

    Noise without direction comes first, then the streaks. All tiles have the same flow field.

    Args:
        widths: standard deviations, in positions, of the Gaussians that blur four channels each.
        pixels: of the photograph, for one position, a divisor of EXTENT; `side` is EXTENT / pixels.
        seed: another number gives other noise.
    """
    side = EXTENT // pixels
    white = white_noise(seed, noise_channels(widths), side)
    even, directed = np.split(white, [EACH * len(widths)])
    parts = [
        blurred(some, width) for some, width in zip(even.reshape(len(widths), EACH, side, side), widths, strict=True)
    ]
    parts.append(streaks(directed, field(FLOW, side, pixels), pixels))
    tile = np.concatenate(parts)[None]
    tile -= tile.mean((2, 3), keepdims=True)
    levels = levels_of(tile / tile.std((2, 3), keepdims=True))
    stepped: NDArray[np.float32] = (levels / LEVELS).astype(np.float32)
    stepped.flags.writeable = False
    return stepped


def laid(tile: Tensor, size: Sequence[int], offset: tuple[int, int] = (0, 0)) -> Tensor:
    """Tiles (..., side, side), laid like bricks over an area (..., height, width): each column is half a tile lower
    than the column to its left, so that in a row the noise repeats only after two tiles.

    Args:
        size: height and width.
        offset: position (down, right) in a tile at which the area begins.
    """
    pair = torch.cat([tile, tile.roll(tile.shape[-2] // 2, -2)], -1)
    if any(offset):
        pair = pair.roll((-offset[0], -offset[1]), (-2, -1))
    # Not -(-a // b): torch's ONNX exporters write // as a division that truncates.
    repeats = [(length + side - 1) // side for length, side in zip(size, pair.shape[-2:], strict=True)]
    return pair.repeat(*[1] * (pair.ndim - 2), *repeats)[..., : size[0], : size[1]]


class FixedNoise(nn.Module):
    """Mixes the channels of a noise tile to those of the feature maps that the noise is added to.

    Args:
        channels: of the feature maps.
        widths, pixels, seed: see `noise_tile`.

    Shapes: height and width in positions, gains (N or 1, tile_channels) -> (N or 1, channels, height, width).
    """

    def __init__(self, channels: int, widths: tuple[float, ...], pixels: int, seed: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(_BEGINNING * torch.randn(channels, noise_channels(widths), 1, 1))
        # Trained weights are useless with other noise, so that it is stored with them in every file.
        self.tile = nn.Parameter(torch.from_numpy(noise_tile(widths, pixels, seed).copy()), requires_grad=False)

    @property
    def side(self) -> int:
        """Positions along a side of the tile."""
        return self.tile.shape[-1]

    @property
    def tile_channels(self) -> int:
        """Channels of the tile; a style has a gain for each."""
        return self.tile.shape[1]

    def forward(self, size: Sequence[int], gains: Tensor, offset: tuple[int, int] = (0, 0)) -> Tensor:
        """
        Args:
            size: height and width.
            gains: (N or 1, tile_channels), how much of each channel of the tile a style uses: points need other noise
                than strokes.
            offset: where the noise begins, see `laid`. It differs from (0, 0) only in training, so that a network
                cannot memorise the noise.
        """
        return nn.functional.conv2d(laid(self.tile, size, offset) * gains[:, :, None, None], self.weight)

    def take(self, tile: Tensor) -> None:
        """Replace the tile by another one (1, tile_channels, side, side), whose side may differ."""
        taken = tile.detach().to(self.tile.device, torch.float32, copy=True)
        self.tile = nn.Parameter(taken, requires_grad=False)


def take_tiles(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Replace the noise tiles of a network by those in `state`, parameters by their names in `network`."""
    for name, noise in network.named_modules():
        if isinstance(noise, FixedNoise) and (tile := state.get(f"{name}.tile")) is not None:
            noise.take(tile)
