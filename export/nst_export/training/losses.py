"""The losses of feed-forward style transfer."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

STYLE_TAPS = ["relu1_1", "relu2_1", "relu3_1"]
CONTENT_TAP = "relu3_1"


def gram_matrix(features: Tensor) -> Tensor:
    """Channel correlations of feature maps (N, C, H, W) -> (N, C, C) float32, mean over positions (Gatys et al. 2016)."""
    flat = features.flatten(2).float()
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def pyramid(pictures: Tensor, scales: int) -> list[Tensor]:
    """The pictures at 1, 1/2, 1/4 ... of their size, by area averaging."""
    levels = [pictures]
    for _ in range(scales - 1):
        levels.append(functional.avg_pool2d(levels[-1], 2))
    return levels


def relative_gram_error(found: Tensor, wanted: Tensor) -> Tensor:
    """Squared Frobenius distance of Gram matrices relative to the wanted one's own norm: (N,)."""
    return (found - wanted).square().sum((1, 2)) / wanted.square().sum((1, 2))


def content_error(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], tap: str = CONTENT_TAP) -> Tensor:
    """Squared distance of feature maps relative to the photograph's own energy: (N,)."""
    difference = (found[tap].float() - wanted[tap].float()).square().mean((1, 2, 3))
    return difference / wanted[tap].float().square().mean((1, 2, 3))


def total_variation(pictures: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels, per picture: (N,)."""
    vertical = (pictures[:, :, 1:] - pictures[:, :, :-1]).square().mean((1, 2, 3))
    horizontal = (pictures[:, :, :, 1:] - pictures[:, :, :, :-1]).square().mean((1, 2, 3))
    return vertical + horizontal


def out_of_range(pictures: Tensor) -> Tensor:
    """Mean squared excess over [0, 1], per picture: (N,). What a display would clip should not be leant on."""
    return (pictures - pictures.clamp(0, 1)).square().mean((1, 2, 3))


def disturb(photographs: Tensor, generator: torch.Generator) -> tuple[Tensor, tuple[int, int], Tensor]:
    """A copy of the photographs as a next video frame might be: shifted, noisier, brighter or darker.

    Returns:
        the disturbed photographs (N, 3, H, W), the shift (dy, dx) in pixels by which they were rolled, and the
        change of brightness (N, 1, 1, 1).
    """
    shift = (
        int(torch.randint(-12, 13, (1,), generator=generator)),
        int(torch.randint(-12, 13, (1,), generator=generator)),
    )
    moved = torch.roll(photographs, shift, dims=(2, 3))
    noise = torch.randn(photographs.shape, generator=generator) * 0.02
    brightness = (torch.rand(photographs.shape[0], 1, 1, 1, generator=generator) - 0.5) * 0.06
    return (moved + noise.to(moved) + brightness.to(moved)).clamp(0, 1), shift, brightness.to(moved)


def stability_error(stylised: Tensor, disturbed: Tensor, shift: tuple[int, int], margin: int = 24) -> Tensor:
    """Mean squared difference of a stylised picture, moved along, to the stylised disturbed one, borders left out."""
    moved = torch.roll(stylised, shift, dims=(2, 3))
    inner = (..., slice(margin, -margin), slice(margin, -margin))
    return (moved[inner] - disturbed[inner]).square().mean((1, 2, 3))
