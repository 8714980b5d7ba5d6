"""Fixed noise for a convolution to hang strokes on where a photograph is even.

A network of convolutions alone answers an even area with the same pixels again and again, at the period of its own
strides: a weave. Ulyanov et al. 2016 ("Texture Networks") paint from noise for that reason, and Karras et al. 2019
(StyleGAN) add it to feature maps. Here it is the same noise in every frame, so that it cannot flicker.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

TILE = 64
"""Positions along a side of the noise, which repeats beyond: 512 pixels at 1/8 of the size."""
EACH = 4
"""Channels of each width."""
_BEGINNING = 0.05
"""Deviation of fresh weights: little beside what a convolution of normalised features puts out."""


def noise_tile(widths: Sequence[float], seed: int) -> NDArray[np.float32]:
    """Seamless noise: float32 (1, channels, TILE, TILE), mean 0 and deviation 1 in every channel.

    Made from a bit generator's raw numbers, which NumPy promises to keep, so that it is the same everywhere.

    Args:
        widths: deviations, in positions, of the Gaussians that blur four channels each.
        seed: another number, other noise.
    """
    channels = EACH * len(widths)
    white = np.random.PCG64(seed).random_raw(channels * TILE * TILE).astype(np.float64) / 2**64 - 0.5
    white = white.reshape(len(widths), EACH, TILE, TILE)
    squared = np.fft.fftfreq(TILE)[:, None] ** 2 + np.fft.fftfreq(TILE)[None] ** 2
    blurs = [np.exp(-2 * (np.pi * width) ** 2 * squared) for width in widths]
    tile = np.fft.ifft2(np.fft.fft2(white) * np.stack(blurs)[:, None]).real.reshape(1, channels, TILE, TILE)
    tile -= tile.mean((2, 3), keepdims=True)
    normalised: NDArray[np.float64] = tile / tile.std((2, 3), keepdims=True)
    return normalised.astype(np.float32)


class FixedNoise(nn.Module):
    """Mixes the noise to as many channels as the feature maps have that it is added to.

    Args:
        channels: of the feature maps.
        widths, seed: see `noise_tile`.

    Shapes: a height and a width in positions -> (1, channels, height, width).
    """

    tile: Tensor

    def __init__(self, channels: int, widths: Sequence[float], seed: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(_BEGINNING * torch.randn(channels, EACH * len(widths), 1, 1))
        self.register_buffer("tile", torch.from_numpy(noise_tile(widths, seed)), persistent=False)

    def forward(self, size: Sequence[int], offset: tuple[int, int] = (0, 0)) -> Tensor:
        """
        Args:
            size: height and width.
            offset: position (down, right) of the tile where the noise begins; other than (0, 0) only in training,
                lest a network learn its noise by heart.
        """
        height, width = size
        tile = torch.roll(self.tile, (-offset[0], -offset[1]), dims=(2, 3)) if any(offset) else self.tile
        repeated = tile.repeat(1, 1, (height + TILE - 1) // TILE, (width + TILE - 1) // TILE)[:, :, :height, :width]
        return nn.functional.conv2d(repeated, self.weight)
