"""A decoder for a fixed encoder, so that AdaIN transfers any style (Huang & Belongie 2017)."""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from nst_export.checkpoints.training_checkpoint import save_tensors
from nst_export.networks.adain_network import AdaIn
from torch import Tensor, nn
from torch.nn import functional

from nst_train.data.crops import as_batch, as_floats, crops_at, random_crop
from nst_train.data.images import ImageFolder, Rgb
from nst_train.loop.hardware import Hardware
from nst_train.loop.record import describe_file
from nst_train.loop.rng import rng_of
from nst_train.loop.validation import Column
from nst_train.perceptual import losses
from nst_train.perceptual.stability import disturb, stability_error
from nst_train.recipes.adain_networks import decoder_state, encode, new_adain
from nst_train.recipes.recipe import Batch, Recipe
from nst_train.settings import WIDEST, AdainSettings

WEIGHTS = "decoder.pth"
SHOWN_STYLES = 6
OTHER_CROPS = 0x5EED
"""Added to the seed for the style images: with one folder for both, a step must not pair an image with itself."""


class AdainRecipe(Recipe):
    """Learns the decoder: content loss at the AdaIN target, mean and deviation loss at every reluN_1 of the encoder.

    Raises:
        InputError: images or the encoder cannot be read.
        ModelError: the encoder is none, or does not reach the cut.
    """

    name: ClassVar[str] = "adain"
    settings: AdainSettings

    def __init__(self, settings: AdainSettings, hardware: Hardware, notice: Callable[[str], None]) -> None:
        self.settings, self.hardware = settings, hardware
        least = round(WIDEST * settings.size)
        self.photographs = ImageFolder(Path(settings.content), least, notice)
        self.styles = ImageFolder(Path(settings.styles), least, notice)
        self.network, self.cut = new_adain(Path(settings.encoder), settings.cut, settings.seed)
        hardware.place(self.network)
        self.model = self.network.decoder
        self._shown = self._choose_shown()

    def _choose_shown(self) -> list[tuple[str, Rgb]]:
        places = range(0, len(self.styles), max(1, len(self.styles) // SHOWN_STYLES))[:SHOWN_STYLES]
        rng = np.random.default_rng(self.settings.seed)
        size = self.settings.size
        return [(self.styles.paths[n].stem, random_crop(self.styles.image(n), size, rng)) for n in places]

    def batch(self, step: int) -> Batch:
        s = self.settings
        return {
            "photographs": crops_at(self.photographs, step, s.batch, s.size, s.seed),
            "styles": crops_at(self.styles, step, s.batch, s.size, s.seed + OTHER_CROPS),
        }

    def losses(self, step: int, batch: Batch) -> dict[str, Tensor]:
        s = self.settings
        photographs, styles = as_floats(batch["photographs"]), as_floats(batch["styles"])
        with self.hardware.autocast():
            with torch.no_grad():
                wanted = encode(self.network.encoder, styles)
                target = self._blend(photographs, wanted[self.cut])
            stylised = self.network.decoder(target)
            found = encode(self.network.encoder, stylised)
        terms = {
            "style": s.style_weight * losses.statistics_error(found, wanted),
            "content": s.content_weight * functional.mse_loss(found[self.cut].float(), target.float()),
        }
        if s.variation_weight:
            terms["variation"] = s.variation_weight * losses.total_variation(stylised.float()).mean()
        if s.stability_weight:
            disturbed = disturb(photographs, rng_of(s.seed, step))
            with self.hardware.autocast():
                with torch.no_grad():
                    moved = self._blend(disturbed.photographs, wanted[self.cut])
                stylised_disturbed = self.network.decoder(moved)
            error = stability_error(stylised.float(), stylised_disturbed.float(), disturbed).mean()
            terms["stability"] = s.stability_weight * error
        return terms

    def _blend(self, photographs: Tensor, styles: Tensor) -> Tensor:
        """The photographs' features with the channel statistics of the styles' features: AdaIN, equation 8."""
        features = encode(self.network.encoder, photographs)[self.cut].float()
        mean, deviation = losses.statistics(styles)
        normalised = functional.instance_norm(features, eps=losses.EPSILON)
        return normalised * deviation[:, :, None, None] + mean[:, :, None, None]

    def columns(self, model: nn.Module) -> Iterator[Column]:
        network = AdaIn(self.network.encoder, cast(nn.Sequential, model))
        for name, style in self._shown:
            vector = network.style_vectors(as_floats(as_batch([style])).to(self.hardware.device))
            yield Column(name, style, partial(network, style=vector))

    def write_weights(self, model: nn.Module, folder: Path, training: str) -> list[Path]:
        path = folder / WEIGHTS
        save_tensors(decoder_state(AdaIn(self.network.encoder, cast(nn.Sequential, copy.deepcopy(model)))), path)
        return [path]

    def data(self) -> dict[str, Any]:
        return {
            "content": self.photographs.describe(),
            "styles": self.styles.describe(),
            "encoder": describe_file(Path(self.settings.encoder)) | {"cut": self.cut},
        }
