"""Fixed noise for a convolution to hang strokes on where a photograph is even.

A network of convolutions alone answers an even area with the same pixels again and again, at the period of its own
strides: a weave. Ulyanov et al. 2016 ("Texture Networks") paint from noise for that reason, and Karras et al. 2019
(StyleGAN) add it to feature maps. Here it is the same noise in every frame, so that it cannot flicker, and part of it
runs in streaks, so that strokes turn as a brush does.
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
"""Pixels of the photograph along a side of the tile; see `laid` for what is beyond."""
EACH = 4
"""Channels of each width."""
STREAKS = 4
"""Channels of streaks along the flow."""
LEVELS = 32
"""Steps of the noise within one deviation: eight bits hold it, in a quarter of the space that floats take."""
_BEGINNING = 0.05
"""Deviation of fresh weights: little beside what a convolution of normalised features puts out."""


def noise_channels(widths: tuple[float, ...]) -> int:
    """How many channels `noise_tile` has."""
    return EACH * len(widths) + STREAKS


def levels_of(noise: NDArray[Any]) -> NDArray[np.int8]:
    """Noise in whole steps of 1 / LEVELS: int8 of its shape."""
    return np.round(noise * LEVELS).clip(-128, 127).astype(np.int8)


@cache
def noise_tile(widths: tuple[float, ...], pixels: int, seed: int) -> NDArray[np.float32]:
    """Seamless noise: float32 (1, channels, side, side), read-only, mean 0 and deviation 1 in every channel,
    in whole steps of 1 / LEVELS from -128 to 127 of them.

    First the noise without direction, then the streaks. Tiles of all finenesses have the same flow.

    Args:
        widths: deviations, in positions, of the Gaussians that blur four channels each.
        pixels: of the photograph, for every position, a divisor of EXTENT; EXTENT of them are `side` positions.
        seed: another number, other noise.
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
    """Tiles (..., side, side) laid as bricks over an area (..., height, width), each column of them half a tile lower
    than that to its left, so that what is in a tile is beside itself only after two of them.

    Args:
        size: height and width.
        offset: position (down, right) where the area begins, from the corner of a tile.
    """
    pair = torch.cat([tile, tile.roll(tile.shape[-2] // 2, -2)], -1)
    if any(offset):
        pair = pair.roll((-offset[0], -offset[1]), (-2, -1))
    # Not -(-a // b): torch's ONNX exporters write // as a division that truncates.
    repeats = [(length + side - 1) // side for length, side in zip(size, pair.shape[-2:], strict=True)]
    return pair.repeat(*[1] * (pair.ndim - 2), *repeats)[..., : size[0], : size[1]]


class FixedNoise(nn.Module):
    """Mixes the noise to as many channels as the feature maps have that it is added to.

    Args:
        channels: of the feature maps.
        widths, pixels, seed: see `noise_tile`.

    Shapes: a height and a width in positions, gains (N or 1, tile_channels) -> (N or 1, channels,
    height, width).
    """

    def __init__(self, channels: int, widths: tuple[float, ...], pixels: int, seed: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(_BEGINNING * torch.randn(channels, noise_channels(widths), 1, 1))
        # Trained weights are worth nothing with other noise, so it travels with them through all their files.
        self.tile = nn.Parameter(torch.from_numpy(noise_tile(widths, pixels, seed).copy()), requires_grad=False)

    @property
    def side(self) -> int:
        """Positions along a side of the tile."""
        return self.tile.shape[-1]

    @property
    def tile_channels(self) -> int:
        """Channels of the tile, each of which a style has a gain for."""
        return self.tile.shape[1]

    def forward(self, size: Sequence[int], gains: Tensor, offset: tuple[int, int] = (0, 0)) -> Tensor:
        """
        Args:
            size: height and width.
            gains: (N or 1, tile_channels), how much of each channel of the tile a style takes: points are hung on other
                noise than strokes.
            offset: where the noise begins, see `laid`; other than (0, 0) only in training, lest a network learn its
                noise by heart.
        """
        return nn.functional.conv2d(laid(self.tile, size, offset) * gains[:, :, None, None], self.weight)

    def take(self, tile: Tensor) -> None:
        """Have another tile (1, tile_channels, side, side), which may have another side."""
        taken = tile.detach().to(self.tile.device, torch.float32, copy=True)
        self.tile = nn.Parameter(taken, requires_grad=False)


def take_tiles(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Let the network's noise take the tiles in `state`, parameters by their names in `network`."""
    for name, noise in network.named_modules():
        if isinstance(noise, FixedNoise) and (tile := state.get(f"{name}.tile")) is not None:
            noise.take(tile)
