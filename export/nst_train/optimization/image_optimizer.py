"""Images of `nst-rt grid --method optimize`: one loss network, many photographs and settings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from nst_rt.contract import Frame
from nst_rt.errors import InputError
from nst_rt.files.reading import file_sha256
from nst_rt.styles.color_matching import ColorMatching

from nst_train.data.images import as_rgb
from nst_train.loop.hardware import choose_hardware
from nst_train.loop.progress import choose_reporter
from nst_train.optimization.colors import check_color, keep_colors
from nst_train.optimization.layers import parse_layers
from nst_train.optimization.paintings import read_painting
from nst_train.optimization.sizes import automatic_sizes
from nst_train.optimization.transfer import TransferSettings, transfer
from nst_train.perceptual.loss_network import load_loss_network
from nst_train.perceptual.loss_network_download import obtain_loss_network

TAKEN_OVER = ("content-layer", "style-loss", "scales", "optimizer", "start", "steps", "seed")
"""Options that `TransferSettings` knows by the same names."""


class NetworkOptimizer:
    """See `nst_rt.jobs.optimizing.ImageOptimizer`; and `OptimizerLoader` for the arguments."""

    def __init__(self, *, weights: str | None, device: str, precision: str, threads: int | None) -> None:
        if threads:
            torch.set_num_threads(threads)
        self._hardware = choose_hardware(device, precision)
        file = obtain_loss_network(weights, choose_reporter().note)
        self._network = load_loss_network(file)
        self._hash = file_sha256(file)

    @property
    def inputs(self) -> dict[str, Any]:
        """The loss network and the hardware."""
        return {"loss_network": self._hash, "hardware": self._hardware.name}

    def __call__(
        self, photograph: Frame, paintings: Sequence[tuple[Path, float]], settings: Mapping[str, Any]
    ) -> Frame:
        """See `nst_rt.jobs.optimizing.ImageOptimizer`."""
        color = settings.get("color", 1.0)
        check_color(color)
        matching = ColorMatching.to_image(photograph, settings.get("match-colors", "none"))
        side = max(photograph.shape[:2])
        content = as_rgb(photograph[..., ::-1])
        done = transfer(
            content,
            [(read_painting(path, side, matching=matching), weight) for path, weight in paintings],
            self._network,
            _transfer_settings(settings, side),
            self._hardware,
        )
        if done.stopped == "diverged":
            raise InputError(
                f"the losses of step {done.steps + 1} are not finite. Try --precision fp32 or a smaller ratio"
            )
        return as_rgb(keep_colors(done.image, content, color)[..., ::-1])


def _transfer_settings(settings: Mapping[str, Any], side: int) -> TransferSettings:
    given = {name.replace("-", "_"): settings[name] for name in TAKEN_OVER if name in settings}
    if "ratio" in settings:
        given |= {"style_weight": settings["ratio"], "content_weight": 1.0}
    if "style-layers" in settings:
        given["style_layers"] = parse_layers(settings["style-layers"])
    return TransferSettings(sizes=automatic_sizes(side), **given)
