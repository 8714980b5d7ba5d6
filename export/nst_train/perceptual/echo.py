"""The echo loss: strokes are not to repeat at multiples of the network's own stride.

A network that works at 1/8 of the size likes to fill even areas with a pattern of 4, 8 or 16 pixels' period, which no
Gram matrix forbids. What is measured is how much every place of an image is like its neighbourhood some strides
further on, and what counts is what exceeds the likeness that places of the painting have, and the likeness that the
photograph has at the same place: along a straight contour everything is like itself further on.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from nst_train.settings import ECHO_SIDE

WINDOW = 32
"""Side of the places that are compared, in pixels; they overlap by half."""
SOFTENING = 1e-4
"""Variance up to which a place is even and has nothing to repeat: that of 2.5 grey levels of 255."""
BORDER = 24
"""Pixels along the borders that are left out, fewer in small images. What stands there is compared in one direction
only, and a network that is judged on it learns to end its images in a fringe that is like nothing else."""
TOLERATED = 0.9
"""Part of a painting's places whose likeness is allowed everywhere."""


@dataclass(frozen=True)
class Band:
    """What is looked for at one scale."""

    even: int
    """Side of the mean that is taken off first, in pixels: what is wider is no stroke of this band."""
    shifts: tuple[tuple[int, int], ...]
    """(down, right) in pixels, each direction once."""

    @property
    def reach(self) -> int:
        """The longest shift."""
        return max(abs(length) for shift in self.shifts for length in shift)


def _shifts(stride: int, reach: int) -> tuple[tuple[int, int], ...]:
    lengths = range(-reach, reach + 1)
    return tuple((stride * y, stride * x) for y in range(reach + 1) for x in lengths if (y, x) > (0, 0))


BANDS = (Band(9, _shifts(8, 2)), Band(3, _shifts(4, 1)))
"""The weave of a trunk at 1/8 of the size, and the mesh of the upsampling behind it."""
SHIFTS = sum(len(band.shifts) for band in BANDS)


def echoes(images: Tensor) -> Tensor:
    """Correlation of every place with its neighbourhood at every shift, of RGB images (N, 3, H, W) in [0, 1],
    ECHO_SIDE pixels a side or more.

    Returns:
        float32 (N, SHIFTS, places), in [-1, 1].
    """
    height, width = images.shape[2:]
    border = min(BORDER, (min(height, width) - ECHO_SIDE) // 2)
    inner = images[..., border : height - border, border : width - border]
    return torch.cat([_echoes_in(inner.float(), band) for band in BANDS], dim=1)


def _echoes_in(images: Tensor, band: Band) -> Tensor:
    mean = functional.avg_pool2d(images, band.even, stride=1, padding=band.even // 2, count_include_pad=False)
    strokes = images - mean
    height, width = strokes.shape[2:]
    margin = BANDS[0].reach  # of all bands, so that they have the same places
    here = strokes[:, :, : height - margin, margin : width - margin]

    def local(values: Tensor) -> Tensor:
        side = min(WINDOW, *values.shape[2:])
        return functional.avg_pool2d(values.mean(1, keepdim=True), side, stride=max(1, side // 2)).flatten(1)

    energy = local(here.square()) + SOFTENING
    found = []
    for down, right in band.shifts:
        there = strokes[:, :, down : down + height - margin, margin + right : width - margin + right]
        found.append(local(here * there) / (energy * (local(there.square()) + SOFTENING)).sqrt())
    return torch.stack(found, dim=1)


def tolerated_echoes(paintings: Tensor) -> Tensor:
    """The likeness that places of paintings (N, 3, H, W) have to their neighbourhoods: (N, shifts)."""
    return torch.quantile(echoes(paintings), TOLERATED, dim=2).clamp(min=0)


def echo_error(images: Tensor, photographs: Tensor, tolerated: Tensor) -> Tensor:
    """Mean over places of the squared likeness beyond what is tolerated, summed over shifts: (N,).

    Args:
        images, photographs: stylised and as they were, RGB (N, 3, H, W).
        tolerated: of the paintings, (N, SHIFTS).
    """
    with torch.no_grad():
        allowed = torch.maximum(echoes(photographs), tolerated[:, :, None])
    return (echoes(images) - allowed).relu().square().mean(2).sum(1)
