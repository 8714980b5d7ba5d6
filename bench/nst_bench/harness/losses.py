"""Style and content losses of finished images: the loss network and the terms of the training.

Gatys et al. 2016 and Johnson et al. 2016. Gram errors are relative to the painting's own Gram matrices, and content
errors relative to the photograph's own energy, so that numbers of different paintings and photographs can be averaged.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from nst_train.data.crops import as_batch, as_floats
from nst_train.data.images import Rgb, resize_long_side
from nst_train.loop.hardware import Hardware
from nst_train.perceptual import losses
from nst_train.perceptual.loss_network import LossNetwork
from nst_train.settings import PerceptualSettings
from torch import Tensor

STYLE_LAYERS = list(PerceptualSettings.style_layers)
CONTENT_LAYER = PerceptualSettings.content_layer
SCALES = PerceptualSettings.scales
PAINTING_SIDE = PerceptualSettings.style_side

STYLE_LOSS_METHOD = (
    f"Gram matrices of {', '.join(STYLE_LAYERS[:-1])} and {STYLE_LAYERS[-1]} at 1, 1/2 and 1/4 of the size, each error "
    f"relative to the painting's own, the painting at {PAINTING_SIDE} px"
)
CONTENT_LOSS_METHOD = f"squared distance of the {CONTENT_LAYER} maps relative to the photograph's energy"
"""The two losses in words, for reports."""

Grams = list[Tensor]
"""Gram matrices (1, C, C): for every scale, one for every style layer."""


@dataclass(frozen=True)
class Features:
    """What the loss network computes from one image."""

    grams: Grams
    content: Tensor
    """Feature maps (1, C, H, W) of the content layer at full size."""


class FeatureExtractor:
    """Computes the features of images with a loss network, in float32.

    Raises:
        ModelError: the network lacks one of the layers.
    """

    def __init__(self, network: LossNetwork, hardware: Hardware) -> None:
        network.require([*STYLE_LAYERS, CONTENT_LAYER])
        hardware.place(network)
        self._network, self._device = network, hardware.device

    @torch.no_grad()
    def features(self, image: Rgb) -> Features:
        """The features of an image uint8 RGB (H, W, 3), both sides 64 or more."""
        grams: list[Tensor] = []
        content: Tensor | None = None
        for level in losses.pyramid(as_floats(as_batch([image])).to(self._device), SCALES):
            layers = STYLE_LAYERS if content is not None else list(dict.fromkeys([*STYLE_LAYERS, CONTENT_LAYER]))
            found = self._network(level, layers)
            if content is None:
                content = found[CONTENT_LAYER]
            grams += [losses.gram_matrix(found[layer]) for layer in STYLE_LAYERS]
        assert content is not None
        return Features(grams, content)

    def painting_grams(self, painting: Rgb, side: int = PAINTING_SIDE) -> Grams:
        """The Gram matrices of a painting uint8 RGB (H, W, 3), resized to `side` pixels on the long side."""
        return self.features(resize_long_side(painting, side)).grams


def style_loss(found: Grams, painting: Grams) -> float:
    """Mean over scales and layers of the Gram error relative to the painting's own; 0 for the painting itself."""
    errors = [losses.relative_gram_error(*pair) for pair in zip(found, painting, strict=True)]
    return float(torch.stack(errors).mean())


def content_loss(found: Features, photograph: Features) -> float:
    """Squared distance of the content maps relative to the photograph's energy; 0 for the photograph itself."""
    return float(losses.content_error(found.content, photograph.content))


def closed(stylised: Sequence[float], unchanged: Sequence[float]) -> float:
    """How much of the unchanged photographs' style loss is gone: 1 - mean(stylised) / mean(unchanged).

    A ratio of means: a photograph that is close to the painting from the start does not outweigh the others.
    """
    return 1 - sum(stylised) / sum(unchanged)


def median_closed(stylised: Sequence[float], unchanged: Sequence[float]) -> float:
    """The median over photographs of 1 - stylised / unchanged."""
    return statistics.median(1 - after / before for after, before in zip(stylised, unchanged, strict=True))
