"""What an optimised image is measured by: a photograph's content and the style of one or several paintings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from nst_train.loop.hardware import Hardware
from nst_train.optimization.strips import MAX_PIXELS, Strip, spacing, strips
from nst_train.perceptual import losses
from nst_train.perceptual.loss_network import LossNetwork

StyleLoss = Literal["gram", "statistics"]
LEAST_SIDE = 32
"""Pixels: a pyramid ends before an image becomes smaller than this."""

Style = tuple[Tensor, ...]
"""Of one layer: a Gram matrix (1, C, C), or channel means and deviations, (1, C) each."""


@dataclass(frozen=True)
class Layers:
    """Which feature maps are compared, and how."""

    content: str
    style: Sequence[str]
    style_loss: StyleLoss = "gram"
    scales: int = 1
    """The style loss sees the images at 1, 1/2, 1/4 ... of their size."""


class Objective:
    """Content and style errors of an image, each relative to what is wanted: at 1, nothing of it is there.

    Content: squared distance of feature maps. Style: squared distance of Gram matrices (Gatys et al. 2016) or of
    channel means and deviations (Li et al. 2017, Huang & Belongie 2017), the mean over layers and scales. Large
    images are looked at in strips, whose feature maps are computed a second time for the gradient, so that memory
    does not grow with them; errors and gradients stay the same.

    Args:
        network: gives the feature maps; it is moved to the hardware.
        photograph: RGB (1, 3, H, W), float32 in [0, 1].
        paintings: such images of any size, each with a weight; the weights add up to 1.
        max_pixels: of a strip.

    Raises:
        ModelError: the loss network lacks one of the layers.
    """

    def __init__(
        self,
        network: LossNetwork,
        layers: Layers,
        photograph: Tensor,
        paintings: Sequence[tuple[Tensor, float]],
        hardware: Hardware,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        network.require([layers.content, *layers.style])
        hardware.place(network)
        self._network = network if hardware.dtype == torch.float32 else network.computing_in(hardware.dtype)
        self._layers, self._max_pixels = layers, max_pixels
        shortest = min(min(image.shape[2:]) for image in (photograph, *(painting for painting, _ in paintings)))
        self.scales = sum(scale == 0 or shortest >> scale >= LEAST_SIDE for scale in range(layers.scales))
        with torch.no_grad():
            self._content = [
                self._look(photograph, strip, self._compared)[layers.content]
                for strip in self._strips(photograph, self._compared)
            ]
            self._content_energy = torch.stack([wanted.float().square().sum() for wanted in self._content]).sum()
            self._styles = [
                ([self._measure(level)[0] for level in losses.pyramid(painting, self.scales)], weight)
                for painting, weight in paintings
            ]

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """The errors `style` and `content` of an image of the photograph's size: two scalars."""
        errors: list[Tensor] = []
        distances: list[Tensor] = []
        for index, level in enumerate(losses.pyramid(image, self.scales)):
            found, distance = self._measure(level, compare=index == 0)
            distances.append(distance)
            for wanted, weight in self._styles:
                errors += [weight * _style_error(*pair) for pair in zip(found, wanted[index], strict=True)]
        places = self.scales * len(self._layers.style)
        return {
            "style": torch.stack(errors).sum() / places,
            "content": torch.stack(distances).sum() / self._content_energy,
        }

    @property
    def _compared(self) -> list[str]:
        return list(dict.fromkeys([*self._layers.style, self._layers.content]))

    def _measure(self, level: Tensor, *, compare: bool = False) -> tuple[list[Style], Tensor]:
        """The style of every layer, and with `compare` the squared distance from the photograph's content."""
        layers = self._layers
        names = self._compared if compare else list(layers.style)
        parts = self._strips(level, names)

        def sums(level: Tensor, index: int) -> list[Tensor]:
            found = self._look(level, parts[index], names)
            result = [value for layer in layers.style for value in self._style_sums(found[layer])]
            if compare:
                result.append((found[layers.content].float() - self._content[index].float()).square().sum())
            return result

        twice = len(parts) > 1 and level.requires_grad
        shares = [
            checkpoint(sums, level, index, use_reentrant=False) if twice else sums(level, index)
            for index in range(len(parts))
        ]
        totals = [torch.stack(values).sum(0) for values in zip(*shares, strict=True)]
        distance = totals.pop() if compare else torch.zeros((), device=level.device)
        each = len(totals) // len(layers.style)
        rows = [level.shape[2] // spacing(layer) for layer in layers.style]
        pieces = [totals[start : start + each] for start in range(0, len(totals), each)]
        return [_style(piece, count) for piece, count in zip(pieces, rows, strict=True)], distance

    def _style_sums(self, features: Tensor) -> list[Tensor]:
        """What a strip adds to the style of the whole: averages over its positions, times its rows."""
        rows = features.shape[2]
        if self._layers.style_loss == "gram":
            return [rows * losses.gram_matrix(features)]
        mean, deviation = losses.statistics(features)
        return [rows * mean, rows * (deviation.square() + mean.square())]

    def _strips(self, level: Tensor, layers: Sequence[str]) -> list[Strip]:
        known = self._network.layers
        return strips(level.shape[2], level.shape[3], known[: max(map(known.index, layers)) + 1], self._max_pixels)

    def _look(self, image: Tensor, strip: Strip, layers: Sequence[str]) -> dict[str, Tensor]:
        found = self._network(image[:, :, strip.first : strip.last], layers)
        return {layer: features[:, :, strip.rows(layer)] for layer, features in found.items()}


def _style(sums: Sequence[Tensor], rows: int) -> Style:
    averages = [value / rows for value in sums]
    if len(averages) == 1:
        return (averages[0],)
    mean, square = averages
    return mean, (square - mean.square()).clamp_min(losses.EPSILON).sqrt()


def _style_error(found: Style, wanted: Style) -> Tensor:
    """Squared distance relative to what is wanted: a scalar."""
    distance = torch.stack([(here - there).square().sum() for here, there in zip(found, wanted, strict=True)]).sum()
    return distance / torch.stack([there.square().sum() for there in wanted]).sum()
