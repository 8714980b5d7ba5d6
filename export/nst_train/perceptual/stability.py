"""The stability loss: what a small change of the photograph may do to the stylised image.

A stand-in for the temporal loss that Huang et al. 2017 ("Real-Time Neural Style Transfer for Videos") take from optical
flow, and it needs no video: a photograph that is moved, noisier or a little brighter must come out the same, moved and
a little brighter.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

FARTHEST = 12
"""Shifts reach this many pixels, an eighth of the crop at most."""
NOISE = 0.02
BRIGHTNESS = 0.03
MARGIN = 24
"""Pixels at the border that are not compared, a quarter of the crop at most: the shift wraps around there."""


@dataclass(frozen=True)
class Disturbed:
    """Photographs as a next video frame might show them."""

    photographs: Tensor
    """(N, 3, H, W) in [0, 1]."""
    shift: tuple[int, int]
    """Pixels (down, right) by which they were rolled."""
    brightness: Tensor
    """What was added to them: (N, 1, 1, 1)."""


def disturb(photographs: Tensor, rng: torch.Generator) -> Disturbed:
    """Shift, noise and brightness drawn from `rng`, a generator on the CPU.

    Args:
        photographs: (N, 3, H, W) in [0, 1].
    """
    farthest = min(FARTHEST, min(photographs.shape[2:]) // 8)
    down = int(torch.randint(-farthest, farthest + 1, (1,), generator=rng))
    right = int(torch.randint(-farthest, farthest + 1, (1,), generator=rng))
    if photographs.is_cuda:  # the noise is as large as the batch, so it is made where it is needed
        seed = int(torch.randint(0, 2**31, (1,), generator=rng))
        rng = torch.Generator(photographs.device).manual_seed(seed)
    noise = NOISE * torch.randn(photographs.shape, generator=rng, device=photographs.device)
    offsets = torch.rand(photographs.shape[0], 1, 1, 1, generator=rng, device=photographs.device) - 0.5
    brightness = 2 * BRIGHTNESS * offsets
    moved = torch.roll(photographs, (down, right), dims=(2, 3))
    return Disturbed((moved + noise + brightness).clamp(0, 1), (down, right), brightness)


def stability_error(stylised: Tensor, stylised_disturbed: Tensor, disturbed: Disturbed) -> Tensor:
    """Mean squared difference of the stylised image, moved and brightened along, to the disturbed one's: (N,)."""
    moved = torch.roll(stylised + disturbed.brightness, disturbed.shift, dims=(2, 3))
    margin = min(MARGIN, min(stylised.shape[2:]) // 4)
    inner = (..., slice(margin, -margin), slice(margin, -margin))
    return (moved[inner] - stylised_disturbed[inner]).square().mean((1, 2, 3))
