"""The border loss: a picture is not to be framed.

A network can tell a border by its padding, and what it learns to do there shows as a frame: a fringe of grain, or a
line of another colour, on all sides alike.
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
LINE = 8
"""Width of a frame, in pixels, its colour compared with that of as much beside it: the trunk's stride."""
SHADE = 0.3
"""Difference of colours, of 1, that counts as much as grain of 1.8 times the deviation."""


def border_error(pictures: Tensor, photographs: Tensor) -> Tensor:
    """How much of a frame stylised RGB pictures (N, 3, H, W) have, 64 pixels a side or more: a scalar.

    Args:
        photographs: what they were, of the same shape. A line that they have themselves counts nothing.
    """
    return fringe_error(pictures) + line_error(pictures, photographs)


def fringe_error(pictures: Tensor) -> Tensor:
    """How much more grain RGB pictures (N, 3, H, W) have along their borders than further in: a scalar.

    Squared logarithm of the ratio beyond LIVELIER, mean over the four sides; the batch is taken together, since a
    single picture may well have its grain at a border.
    """
    grey = pictures.float().mean(1, keepdim=True)
    grain = (grey - functional.avg_pool2d(grey, 3, stride=1, padding=1, count_include_pad=False)).square().mean((0, 1))
    border = min(BORDER, min(grain.shape) // 4)  # FRINGE at least, from 64 pixels on
    excess = []
    for side in (grain, grain.flip(0), grain.T, grain.T.flip(0)):
        middle = side[:, border : side.shape[1] - border]
        outside, inside = middle[:FRINGE].mean(), middle[border : 2 * border].mean()
        excess.append(((outside + SOFTENING) / (inside + SOFTENING)).log() - LIVELIER)
    return torch.stack(excess).relu().square().mean()


def line_error(pictures: Tensor, photographs: Tensor) -> Tensor:
    """How far the mean colour of the outermost pixels of RGB pictures (N, 3, H, W) is from that of those beside them,
    beyond what it is in the photographs: squared, in units of SHADE, mean over pictures and colours, a scalar.

    The four sides are taken together: what they have by chance cancels, and a frame does not.
    """
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
