"""The objective of the transformer and the conditional recipe: a painting's Gram matrices, a photograph's content."""

import torch
from torch import Tensor

from nst_export.training import losses
from nst_export.training.hardware import Hardware
from nst_export.training.loss_network import LossNetwork
from nst_export.training.settings import PerceptualSettings
from nst_export.training.stability import Disturbed, stability_error

Targets = list[Tensor]
"""Gram matrices (N, C, C), for every scale and, within it, every layer."""


class PerceptualLoss:
    """Every loss of a batch of stylised photographs (Johnson et al. 2016; Gram errors relative to the painting's own).

    Raises:
        ModelError: the loss network lacks one of the layers that the settings name.
    """

    def __init__(self, network: LossNetwork, settings: PerceptualSettings, hardware: Hardware) -> None:
        self.settings = settings
        self._style_taps = list(settings.style_taps)
        self._content_tap = settings.content_tap
        network.require([*self._style_taps, self._content_tap])
        hardware.place(network)
        self._exact = network
        self._network = network if hardware.dtype == torch.float32 else network.computing_in(hardware.dtype)

    @torch.no_grad()
    def targets(self, paintings: Tensor, *, exact: bool = False) -> Targets:
        """What the style loss wants of pictures that are to look like `paintings`, RGB (N, 3, H, W) in [0, 1].

        Args:
            exact: compute in float32, for targets that are kept.
        """
        network = self._exact if exact else self._network
        return [
            losses.gram_matrix(network(level, self._style_taps)[tap])
            for level in losses.pyramid(paintings, self.settings.scales)
            for tap in self._style_taps
        ]

    def __call__(
        self,
        photographs: Tensor,
        stylised: Tensor,
        targets: Targets,
        disturbed: Disturbed | None = None,
        stylised_disturbed: Tensor | None = None,
        tempered: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Weighted scalars by name.

        Args:
            photographs, stylised: RGB (N, 3, H, W), float32, about [0, 1].
            targets: Gram matrices of the wanted style, one for each picture.
            disturbed, stylised_disturbed: the changed photographs and what became of them; without them, no
                stability loss.
            tempered: bool (N,): the pictures whose style error e counts as log(1 + e). Some paintings, nearly black
                ones above all, have errors a hundred times those of others and would drown them.
        """
        s = self.settings
        with torch.no_grad():
            wanted = self._network(photographs, [self._content_tap])[self._content_tap]
        style_terms: list[Tensor] = []
        content = torch.zeros((), device=stylised.device)
        remaining = iter(targets)
        for index, level in enumerate(losses.pyramid(stylised, s.scales)):
            taps = self._style_taps if index else list(dict.fromkeys([*self._style_taps, self._content_tap]))
            found = self._network(level, taps)
            if index == 0:
                content = losses.content_error(found[self._content_tap], wanted).mean()
            for tap in self._style_taps:
                error = losses.relative_gram_error(losses.gram_matrix(found[tap]), next(remaining))
                if tempered is not None:
                    error = torch.where(tempered, error.log1p(), error)
                style_terms.append(error.mean())
        terms = {
            "style": s.style_weight * torch.stack(style_terms).mean(),
            "content": s.content_weight * content,
            "variation": s.variation_weight * losses.total_variation(stylised).mean(),
            "range": s.range_weight * losses.out_of_range(stylised).mean(),
        }
        if disturbed is not None and stylised_disturbed is not None:
            error = stability_error(stylised, stylised_disturbed, disturbed).mean()
            terms["stability"] = s.stability_weight * error
        return terms
