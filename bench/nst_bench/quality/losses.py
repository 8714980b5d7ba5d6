"""Style and content losses of finished images, by the same loss network and the same terms as the training's.

Gatys et al. 2016 and Johnson et al. 2016; Gram errors are relative to the painting's own Gram matrices and content
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
from nst_train.recipes.settings import PerceptualSettings
from torch import Tensor

STYLE_LAYERS = list(PerceptualSettings.style_layers)
CONTENT_LAYER = PerceptualSettings.content_layer
SCALES = PerceptualSettings.scales
PAINTING_SIDE = PerceptualSettings.style_side


Grams = list[Tensor]
"""Gram matrices (1, C, C), for every scale and, within it, every style layer."""


@dataclass(frozen=True)
class Reading:
    """What the loss network sees in one image."""

    grams: Grams
    content: Tensor
    """Feature maps (1, C, H, W) of the content layer at full size."""


class Judge:
    """Reads images with a loss network, in float32.

    Raises:
        ModelError: the network lacks one of the layers.
    """

    def __init__(self, network: LossNetwork, hardware: Hardware) -> None:
        network.require([*STYLE_LAYERS, CONTENT_LAYER])
        hardware.place(network)
        self._network, self._device = network, hardware.device

    @torch.no_grad()
    def read(self, image: Rgb) -> Reading:
        """The reading of an image uint8 RGB (H, W, 3), both sides 64 or more."""
        grams: list[Tensor] = []
        content: Tensor | None = None
        for level in losses.pyramid(as_floats(as_batch([image])).to(self._device), SCALES):
            layers = STYLE_LAYERS if content is not None else list(dict.fromkeys([*STYLE_LAYERS, CONTENT_LAYER]))
            found = self._network(level, layers)
            if content is None:
                content = found[CONTENT_LAYER]
            grams += [losses.gram_matrix(found[layer]) for layer in STYLE_LAYERS]
        assert content is not None
        return Reading(grams, content)

    def read_painting(self, painting: Rgb, side: int = PAINTING_SIDE) -> Grams:
        """What a painting wants, with `side` pixels on the long side, the size that its strokes are meant for."""
        return self.read(resize_long_side(painting, side)).grams


def style_loss(found: Grams, painting: Grams) -> float:
    """Mean over scales and layers of the Gram error relative to the painting's own; 0 has the painting itself."""
    errors = [losses.relative_gram_error(*pair) for pair in zip(found, painting, strict=True)]
    return float(torch.stack(errors).mean())


def content_loss(found: Reading, photograph: Reading) -> float:
    """Squared distance of the content layer's maps relative to the photograph's energy; 0 has the photograph itself."""
    return float(losses.content_error(found.content, photograph.content))


def closed(stylised: Sequence[float], unchanged: Sequence[float]) -> float:
    """How much of the unchanged photographs' style loss is gone: 1 - mean(stylised) / mean(unchanged).

    A ratio of means, so that a photograph that is near to the painting already does not outvote the others.
    """
    return 1 - sum(stylised) / sum(unchanged)


def median_closed(stylised: Sequence[float], unchanged: Sequence[float]) -> float:
    """The median over photographs of 1 - stylised / unchanged."""
    return statistics.median(1 - after / before for after, before in zip(stylised, unchanged, strict=True))
