"""The calm loss: no place of an image is to be emptier than the calm places of the painting.

A Gram matrix is a mean over the whole image, so that a network may leave an even wall or sky blank, where it has
little to hang a stroke on, and make up for it elsewhere.
"""

import torch
from torch import Tensor
from torch.nn import functional

CALM = 0.2
"""Part of a painting's tiles that count as its calm places."""
TILE = 24
"""Side of a tile in pixels: about a brush stroke in images of the usual sizes."""
NOTHING = 1e-4
"""Activity up to which a painting's calm places are blank, so that an image's may be."""
SOFTENING = 1e-3
"""Of the square root, whose slope has no bound where nothing happens at all."""


def activity(features: Tensor, tile: int) -> Tensor:
    """Variance within tiles of `tile` positions a side, summed over channels: (N, C, H, W) to (N, tiles), float32."""
    exact = features.float()
    mean = functional.avg_pool2d(exact, tile)
    variance = functional.avg_pool2d(exact.square(), tile) - mean.square()
    return variance.clamp(min=0).sum(1).flatten(1)


def calm_floor(features: Tensor, tile: int) -> Tensor:
    """The activity that a painting's calm places have, from its feature maps (N, C, H, W): (N,)."""
    return torch.quantile(activity(features, tile), CALM, dim=1)


def calm_error(features: Tensor, floor: Tensor, tile: int) -> Tensor:
    """Mean over tiles of what their deviation lacks of that of the calm places, squared: (N,), in [0, 1]."""
    relative = activity(features, tile) / floor.clamp(min=NOTHING)[:, None]
    lacking = (1 - (relative + SOFTENING).sqrt()).relu().square().mean(1)
    return torch.where(floor > NOTHING, lacking, 0.0)
