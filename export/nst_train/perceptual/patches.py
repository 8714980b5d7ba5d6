"""The patch loss: an even area is not to fall apart into patches of different colours.

A Gram matrix asks for every colour of the painting and not for a place, so that a network puts a yellow patch into an
even sky, or the painting's field along a border. What is measured is how far the mean colours of neighbouring blocks
are apart, and what counts is what exceeds the calm places of the painting and the contrast of the photograph there.
"""

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 32
"""Side of the blocks, in pixels, fewer in small images; they overlap by half, and neighbours touch."""
CONTRAST = 1.5
"""The photograph's steps of colour may become so many times as large."""
CALM = 0.15
"""Part of a painting's steps that are calm; the largest of them is allowed everywhere."""
SHADE = 0.1
"""Distance of two colours in RGB, of 1 for each, that counts as 1."""


def steps_of_colour(images: Tensor) -> Tensor:
    """Distance of the mean colours of all neighbouring blocks of RGB images (N, 3, H, W) in [0, 1]: (N, steps)."""
    block = max(2, min(BLOCK, min(images.shape[2:]) // 3))
    means = functional.avg_pool2d(images.float(), block, stride=block // 2)
    pairs = (means[..., 2:] - means[..., :-2]), (means[..., 2:, :] - means[..., :-2, :])
    return torch.cat([(pair.square().sum(1) + 1e-6).sqrt().flatten(1) for pair in pairs], dim=1)


def tolerated_steps(paintings: Tensor) -> Tensor:
    """The steps of colour that paintings (N, 3, H, W) have in their calm places: (N,)."""
    return torch.quantile(steps_of_colour(paintings), CALM, dim=1)


def patch_error(images: Tensor, photographs: Tensor, tolerated: Tensor) -> Tensor:
    """Mean over neighbours of the step beyond what is allowed, in units of SHADE: (N,). Not squared, since the faint
    patches of an even sky are seen too.

    Args:
        images, photographs: stylised and as they were, RGB (N, 3, H, W).
        tolerated: of the paintings, (N,).
    """
    with torch.no_grad():
        allowed = CONTRAST * steps_of_colour(photographs) + tolerated[:, None]
    return ((steps_of_colour(images) - allowed).relu() / SHADE).mean(1)
