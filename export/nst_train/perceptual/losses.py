"""The losses of feed-forward style transfer."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

EPSILON = 1e-5


def gram_matrix(features: Tensor) -> Tensor:
    """Channel correlations (Gatys et al. 2016) of feature maps (N, C, H, W), mean over positions: (N, C, C) float32."""
    gram: Tensor = _GramMatrix.apply(features)  # type: ignore[no-untyped-call]
    return gram


class _GramMatrix(torch.autograd.Function):
    """X'X / positions, whose gradient is one product in the features' own type and memory order.

    Left to autograd, the two products of the gradient, their sum and the copies between layouts are half the time of a
    training step on a CPU.
    """

    @staticmethod
    def forward(context: Any, features: Tensor) -> Tensor:
        rows = features.permute(0, 2, 3, 1).flatten(1, 2)  # (N, positions, C): no copy of channels-last features
        context.save_for_backward(features)
        exact = rows.float()
        return exact.transpose(1, 2) @ exact / rows.shape[1]

    @staticmethod
    def backward(context: Any, slope: Tensor) -> Tensor:
        (features,) = context.saved_tensors
        rows = features.permute(0, 2, 3, 1).flatten(1, 2)
        both = (slope + slope.transpose(1, 2)) / rows.shape[1]
        gradient: Tensor = rows @ both.to(rows.dtype)
        count, channels, height, width = features.shape
        return gradient.view(count, height, width, channels).permute(0, 3, 1, 2)


def pyramid(images: Tensor, scales: int) -> list[Tensor]:
    """The images at 1, 1/2, 1/4 ... of their size, by area averaging."""
    levels = [images]
    for _ in range(scales - 1):
        levels.append(functional.avg_pool2d(levels[-1], 2))
    return levels


def relative_gram_error(found: Tensor, wanted: Tensor) -> Tensor:
    """Squared Frobenius distance of Gram matrices relative to the wanted one's own norm: (N,)."""
    return (found - wanted).square().sum((1, 2)) / wanted.square().sum((1, 2))


def content_error(found: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance of feature maps (N, C, H, W) relative to the photograph's own energy: (N,).

    In a batch, a photograph with less energy than the mean is measured by the mean: an even one, close up, would
    otherwise hold on to its emptiness with more weight than the others to what is in them.
    """
    difference = (found.float() - wanted.float()).square().mean((1, 2, 3))
    energy = wanted.float().square().mean((1, 2, 3))
    return difference / torch.maximum(energy, energy.mean())


def statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Channel means and deviations of feature maps (N, C, H, W): two of (N, C), float32."""
    variance, mean = torch.var_mean(features.float(), dim=(2, 3), correction=0)
    return mean, (variance + EPSILON).sqrt()


def statistics_error(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Tensor:
    """Squared distances of channel means and deviations, summed over the feature maps: a scalar.

    Huang & Belongie 2017, equation 13.
    """
    terms = []
    for layer, features in found.items():
        for here, there in zip(statistics(features), statistics(wanted[layer]), strict=True):
            terms.append(functional.mse_loss(here, there))
    return torch.stack(terms).sum()


def total_variation(images: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels, per image: (N,)."""
    vertical = (images[:, :, 1:] - images[:, :, :-1]).square().mean((1, 2, 3))
    horizontal = (images[:, :, :, 1:] - images[:, :, :, :-1]).square().mean((1, 2, 3))
    return vertical + horizontal


def out_of_range(images: Tensor) -> Tensor:
    """Mean squared excess over [0, 1], per image: (N,). What a display would clip should not be leant on."""
    return (images - images.clamp(0, 1)).square().mean((1, 2, 3))
