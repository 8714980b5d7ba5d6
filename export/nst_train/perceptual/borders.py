"""The border loss: an image is not to be framed.

A network can tell a border by its padding, and what it learns to do there shows as a frame: a fringe of grain, or a
band of another colour, where a painting has its field or its sky.
"""

import torch
from torch import Tensor
from torch.nn import functional

FRINGE = 16
"""Width of the border whose grain is looked at, in pixels."""
BORDER = 24
"""Where the strip begins that it is compared with, in pixels from the border; it is as wide. Corners of this side are
left out."""
LIVELIER = 0.2
"""Logarithm of the ratio of grain that says nothing yet: photographs differ by that much."""
SOFTENING = (2.5 / 255) ** 2
"""Variance up to which a place is even: that of 2.5 grey levels of 255."""
BANDS = (8, 32)
"""Widths of the bands along a side whose colour is looked at, in pixels, fewer in small images; each is compared with
one as wide that begins as far in again. Thin rims are lost in the wider one, and the field or sky that a painting has
along a side in the thinner one."""
SHADE = 0.6
"""Difference of colours, of 1, that counts as much as grain of 1.8 times the deviation."""


def border_error(images: Tensor, photographs: Tensor) -> Tensor:
    """How much of a frame stylised RGB images (N, 3, H, W) have, 64 pixels a side or more: a scalar.

    Args:
        photographs: what they were, of the same shape. A band that they have themselves counts nothing.
    """
    return fringe_error(images) + band_error(images, photographs)


def fringe_error(images: Tensor) -> Tensor:
    """How much more grain RGB images (N, 3, H, W) have along their borders than further in: a scalar.

    Squared logarithm of the ratio beyond LIVELIER, mean over the four sides; the batch is taken together, since a
    single image may well have its grain at a border.
    """
    grey = images.float().mean(1, keepdim=True)
    grain = (grey - functional.avg_pool2d(grey, 3, stride=1, padding=1, count_include_pad=False)).square().mean((0, 1))
    border = min(BORDER, min(grain.shape) // 4)  # FRINGE at least, from 64 pixels on
    excess = []
    for side in _sides(grain):
        middle = side[:, border : side.shape[1] - border]
        outside, inside = middle[:FRINGE].mean(), middle[border : 2 * border].mean()
        excess.append(((outside + SOFTENING) / (inside + SOFTENING)).log() - LIVELIER)
    return torch.stack(excess).relu().square().mean()


def band_error(images: Tensor, photographs: Tensor) -> Tensor:
    """How far the mean colour along each side of RGB images (N, 3, H, W) is from that further in, beyond what it is
    in the photographs: squared, in units of SHADE, mean over images, sides and colours, summed over BANDS, a
    scalar."""
    tinted = _steps_inward(images) - _steps_inward(photographs)
    return (tinted / SHADE).square().mean((1, 2, 3)).sum()


def _sides(maps: Tensor) -> tuple[Tensor, ...]:
    """Maps (..., H, W) turned and mirrored so that each of the four sides comes to lie on top."""
    return maps, maps.flip(-2), maps.mT, maps.mT.flip(-2)


def _steps_inward(images: Tensor) -> Tensor:
    """The mean colour within each of BANDS of each side less that of as much further in: (bands, 4, N, 3)."""
    exact = images.float()
    steps = []
    for band in (min(width, min(exact.shape[2:]) // 6) for width in BANDS):
        for side in _sides(exact):
            rows = side[..., band:-band].mean(3)
            steps.append(rows[..., :band].mean(2) - rows[..., 2 * band : 3 * band].mean(2))
    return torch.stack(steps).reshape(len(BANDS), -1, *steps[0].shape)
