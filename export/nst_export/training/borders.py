"""The border loss: a picture is not to be framed.

A network can tell a border by its padding, and what it learns to do there shows as a frame: a fringe of grain, or a
line of another colour.
"""

import torch
from torch import Tensor
from torch.nn import functional

BORDER = 24
"""Pixels along the borders that are looked at, fewer in small pictures."""
FRINGE = 16
"""Width of the border that is compared with what is further in for its grain, in pixels."""
LIVELIER = 0.2
"""Logarithm of the ratio of grain that says nothing yet: photographs differ by that much."""
SOFTENING = (2.5 / 255) ** 2
"""Variance up to which a place is even: that of 2.5 grey levels of 255."""
LINE = 8
"""Width of a frame, in pixels, its colour compared with that of as much beside it: the trunk's stride."""
SHADE = 0.3
"""Difference of colours, of 1, that counts as much as grain of 2.7 times the deviation."""


def border_error(pictures: Tensor, photographs: Tensor) -> Tensor:
    """How much of a frame stylised RGB pictures (N, 3, H, W) have that the photographs have not: a scalar."""
    return fringe_error(pictures) + line_error(pictures, photographs)


def fringe_error(pictures: Tensor) -> Tensor:
    """How much more grain RGB pictures (N, 3, H, W) have along their borders than further in: a scalar.

    Squared logarithm of the ratio beyond LIVELIER, mean over the four sides; the batch is taken together, since a
    single picture may well have its grain at a border.
    """
    grey = pictures.float().mean(1, keepdim=True)
    grain = (grey - functional.avg_pool2d(grey, 3, stride=1, padding=1, count_include_pad=False)).square().mean((0, 1))
    border = min(BORDER, min(grain.shape) // 4)
    excess = []
    for side in (grain, grain.flip(0), grain.T, grain.T.flip(0)):
        middle = side[:, border : side.shape[1] - border]
        outside, inside = middle[:FRINGE].mean(), middle[border : 2 * border].mean()
        excess.append(((outside + SOFTENING) / (inside + SOFTENING)).log() - LIVELIER)
    return torch.stack(excess).relu().square().mean()


def line_error(pictures: Tensor, photographs: Tensor) -> Tensor:
    """How far the mean colour of the outermost pixels of RGB pictures (N, 3, H, W) is from that of those beside them,
    beyond what it is in the photographs: squared, in units of SHADE, mean over pictures and colours, a scalar."""
    framed = _step_of_colour(pictures) - _step_of_colour(photographs)
    return (framed / SHADE).square().mean()


def _step_of_colour(pictures: Tensor) -> Tensor:
    """The mean colour within LINE of a border less that of as much further in: (N, 3)."""
    height, width = pictures.shape[2:]
    down = torch.arange(height, device=pictures.device)
    right = torch.arange(width, device=pictures.device)
    depth = torch.minimum(
        torch.minimum(down, height - 1 - down)[:, None], torch.minimum(right, width - 1 - right)[None]
    )
    exact = pictures.float()

    def mean_of(chosen: Tensor) -> Tensor:
        return (exact * chosen).sum((2, 3)) / chosen.sum()

    return mean_of(depth < LINE) - mean_of((depth >= LINE) & (depth < 2 * LINE))
