"""The objective of the transformer and the conditional recipe: a painting's Gram matrices, a photograph's content."""

from collections.abc import Callable

import torch
from nst_rt.errors import InputError
from torch import Tensor

from nst_train.loop.hardware import Hardware
from nst_train.perceptual import losses
from nst_train.perceptual.borders import border_error
from nst_train.perceptual.calm import TILE, calm_error, calm_floor
from nst_train.perceptual.echo import echo_error, tolerated_echoes
from nst_train.perceptual.loss_network import LossNetwork
from nst_train.perceptual.patches import patch_error, tolerated_steps
from nst_train.perceptual.stability import Disturbed, disturb, stability_error
from nst_train.settings import PerceptualSettings

Targets = list[Tensor]
"""Gram matrices (N, C, C), for every scale and, within it, every layer; then, as far as they have a
weight, the floor of the calm loss (N, 1, 1), the tolerated echoes (N, shifts, 1) and steps of colour (N, 1, 1)."""
Shape = Callable[[Tensor], Tensor]
"""From the relative style errors (terms, N) of a batch, a row for every scale and layer, to a loss (N,) each."""


def mean_of_terms(errors: Tensor) -> Tensor:
    """The mean over scales and layers: (terms, N) to (N,)."""
    return errors.mean(0)


class PerceptualLoss:
    """Every loss of a batch of stylised photographs (Johnson et al. 2016; Gram errors relative to the painting's own).

    Raises:
        ModelError: the loss network lacks one of the layers that the settings name.
        InputError: the smallest scale of the crops is too small for one.
    """

    def __init__(self, network: LossNetwork, settings: PerceptualSettings, hardware: Hardware) -> None:
        self.settings, self.hardware = settings, hardware
        self._style_layers = list(settings.style_layers)
        self._content_layer = settings.content_layer
        self._calm_layer = self._style_layers[len(self._style_layers) // 2]
        network.require([*self._style_layers, self._content_layer])
        least = network.least_side(self._style_layers)
        if (smallest := settings.size >> settings.scales - 1) < least:
            raise InputError(
                f"crops of {settings.size} px at {settings.scales} scales: the smallest has {smallest} px, and "
                f"{max(self._style_layers)} needs {least}. Take larger crops or fewer scales"
            )
        hardware.place(network)
        self._exact = network
        self._network = network if hardware.dtype == torch.float32 else network.computing_in(hardware.dtype)

    @torch.no_grad()
    def grams(self, images: Tensor) -> Targets:
        """The Gram matrices alone of RGB images (N, 3, H, W) in [0, 1]."""
        return self._grams(self._seen(self._network, images))

    @torch.no_grad()
    def targets(self, paintings: Tensor, *, exact: bool = False) -> Targets:
        """What the style loss wants of images that are to look like `paintings`, RGB (N, 3, H, W) in [0, 1].

        Args:
            exact: compute in float32, for targets that are kept.
        """
        found = self._seen(self._exact if exact else self._network, paintings)
        targets = self._grams(found)
        if self.settings.calm_weight:
            maps = found[0][self._calm_layer]
            targets.append(calm_floor(maps, self._tile(paintings, maps))[:, None, None])
        if self.settings.echo_weight:
            targets.append(tolerated_echoes(paintings)[:, :, None])
        if self.settings.patch_weight:
            targets.append(tolerated_steps(paintings)[:, None, None])
        return targets

    def _seen(self, network: LossNetwork, images: Tensor) -> list[dict[str, Tensor]]:
        return [network(level, self._style_layers) for level in losses.pyramid(images, self.settings.scales)]

    def _grams(self, found: list[dict[str, Tensor]]) -> Targets:
        return [losses.gram_matrix(maps[layer]) for maps in found for layer in self._style_layers]

    @staticmethod
    def _tile(images: Tensor, maps: Tensor) -> int:
        """Positions along a tile of feature maps of `images`."""
        return max(1, round(TILE * maps.shape[-1] / images.shape[-1]))

    def __call__(
        self,
        photographs: Tensor,
        stylised: Tensor,
        targets: Targets,
        disturbed: Disturbed | None = None,
        stylised_disturbed: Tensor | None = None,
        shape: Shape = mean_of_terms,
    ) -> dict[str, Tensor]:
        """Weighted scalars by name.

        Args:
            photographs, stylised: RGB (N, 3, H, W), float32, about [0, 1].
            targets: Gram matrices of the wanted style, one for each image.
            disturbed, stylised_disturbed: the changed photographs and what became of them; without them, no
                stability loss.
            shape: what the style errors of each image come to.
        """
        s = self.settings
        with torch.no_grad():
            wanted = self._network(photographs, [self._content_layer])[self._content_layer]
        errors: list[Tensor] = []
        content = lively = torch.zeros((), device=stylised.device)
        remaining = iter(targets)
        for index, level in enumerate(losses.pyramid(stylised, s.scales)):
            layers = self._style_layers if index else list(dict.fromkeys([*self._style_layers, self._content_layer]))
            found = self._network(level, layers)
            if index == 0:
                content = losses.content_error(found[self._content_layer], wanted).mean()
                lively = found[self._calm_layer]
            errors += [
                losses.relative_gram_error(losses.gram_matrix(found[layer]), next(remaining))
                for layer in self._style_layers
            ]
        terms = {
            "style": s.style_weight * shape(torch.stack(errors)).mean(),
            "content": s.content_weight * content,
            "variation": s.variation_weight * losses.total_variation(stylised).mean(),
            "range": s.range_weight * losses.out_of_range(stylised).mean(),
        }
        if s.calm_weight:
            floor = next(remaining)[:, 0, 0]
            terms["calm"] = s.calm_weight * calm_error(lively, floor, self._tile(stylised, lively)).mean()
        if s.echo_weight:
            tolerated = next(remaining)[:, :, 0]
            terms["echo"] = s.echo_weight * echo_error(stylised, photographs, tolerated).mean()
        if s.patch_weight:
            steps = next(remaining)[:, 0, 0]
            terms["patches"] = s.patch_weight * patch_error(stylised, photographs, steps).mean()
        if s.border_weight:
            terms["border"] = s.border_weight * border_error(stylised, photographs)
        if disturbed is not None and stylised_disturbed is not None:
            error = stability_error(stylised, stylised_disturbed, disturbed).mean()
            terms["stability"] = s.stability_weight * error
        return terms

    def of_painter(
        self,
        paint: Callable[[Tensor], Tensor],
        photographs: Tensor,
        targets: Targets,
        rng: torch.Generator,
        shape: Shape = mean_of_terms,
    ) -> dict[str, Tensor]:
        """Weighted scalars by name of what `paint` makes of photographs and, for the stability loss, of disturbed ones.

        Args:
            paint: RGB (M, 3, H, W) in [0, 1] to images of the same shape. M is N, or 2 N: the photographs and then,
                in the same order, their disturbed twins.
            photographs, targets, shape: as above.
            rng: decides the disturbances.
        """
        disturbed = disturb(photographs, rng) if self.settings.stability_weight else None
        seen = photographs if disturbed is None else torch.cat([photographs, disturbed.photographs])
        with self.hardware.autocast():
            painted = paint(seen).float()
        if disturbed is None:
            return self(photographs, painted, targets, shape=shape)
        stylised, stylised_disturbed = painted.chunk(2)
        return self(photographs, stylised, targets, disturbed, stylised_disturbed, shape)
