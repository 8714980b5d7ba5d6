"""A style vector fitted to one painting, the network left as it is."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from nst_export.networks.conditional_network import ConditionalTransformer
from nst_rt.errors import ModelError
from torch import Tensor

from nst_train.data.crops import as_batch, as_floats, crops_at
from nst_train.data.images import Images, Rgb, resize_long_side
from nst_train.loop.hardware import Hardware
from nst_train.loop.rng import rng_of
from nst_train.loop.schedule import learning_rate
from nst_train.perceptual.loss_network import LossNetwork
from nst_train.perceptual.perceptual_loss import PerceptualLoss, Targets
from nst_train.settings import PerceptualSettings

RATE, WARM_UP = 0.02, 20
"""A vector alone bears a higher learning rate than a whole network."""
JUDGED = 1_000_000_000
"""A step that no tuning reaches: its crops and its noise are what the result is judged on."""


@dataclass(frozen=True)
class TuningProgress:
    """Where a tuning is."""

    step: int
    share: float
    """Of the steps or of the time, over 0 to 1."""
    seconds_left: float
    losses: dict[str, float]


def tuning_settings(photographs: Images, loss_network: LossNetwork, steps: int = 400) -> PerceptualSettings:
    """The losses that the built-in network was trained with, as far as they are about a painting alone, at 256 px, with
    a vector's learning rate: Gram matrices by themselves are also content with patches and frames."""
    return PerceptualSettings(
        content=photographs.origin,
        loss_network=loss_network.name,
        steps=steps,
        learning_rate=RATE,
        warm_up=WARM_UP,
        calm_weight=4.0,
        echo_weight=8.0,
        border_weight=20.0,
        patch_weight=2.5,
    )


def tune(
    network: ConditionalTransformer,
    painting: Rgb,
    photographs: Images,
    start: Tensor,
    loss_network: LossNetwork,
    hardware: Hardware,
    *,
    settings: PerceptualSettings | None = None,
    minutes: float | None = None,
    progress: Callable[[TuningProgress], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Tensor:
    """The vector with which `network` paints most like `painting`, found by Adam from `start`.

    Args:
        network: frozen here for good; its weights stay as they are.
        painting: uint8 RGB (H, W, 3).
        photographs: what is stylised meanwhile.
        start: (S,) or (1, S): the style encoder's vector, or the mean of the named ones.
        settings: steps, size, batch and losses; `tuning_settings` if left out.
        minutes: end after this time, if it comes before the steps are done.
        progress: called after every step. An exception from it, KeyboardInterrupt too, ends the tuning.
        stop: asked before every step; True ends the tuning with the vector found so far.

    Returns:
        float32 (S,), on the CPU.

    Raises:
        ModelError: a start of the wrong length, a loss network that lacks a layer, or losses that are not finite.
        InputError: no photograph can be read.
    """
    if start.numel() != network.style_size:
        raise ModelError(
            f"a start of {start.numel()} numbers for a network whose style vectors have {network.style_size}. "
            "Take one that belongs to this network"
        )
    s = settings or tuning_settings(photographs, loss_network)
    device = hardware.device
    hardware.place(network)
    network.requires_grad_(False)
    loss = PerceptualLoss(loss_network, s, hardware)
    targets = _targets(loss, painting, hardware)
    vector = start.detach().float().reshape(1, -1).to(device, copy=True).requires_grad_(True)
    optimizer = torch.optim.Adam([vector], lr=s.learning_rate, betas=(0.9, 0.99))
    began = time.monotonic()

    def share_of_time() -> float:
        return 0.0 if minutes is None else min(1.0, (time.monotonic() - began) / (60 * minutes))

    for step in range(s.steps):
        spent = share_of_time()
        if spent == 1 or stop():
            break
        share = max(step / s.steps, spent)
        # The cosine follows whichever ends first, so that the last steps are small ones.
        rate = learning_rate(round(share * 10_000), 10_000, 0) * min(1.0, (step + 1) / max(1, s.warm_up))
        optimizer.param_groups[0]["lr"] = s.learning_rate * rate
        crops = as_floats(crops_at(photographs, step, s.batch, s.size, s.seed).to(device))
        rng = rng_of(s.seed, step)
        paint = partial(network, style=vector, noise_offset=network.draw_noise_offset(rng))
        terms = loss.of_painter(paint, crops, targets, rng)
        stacked = torch.stack(list(terms.values()))
        found = dict(zip(terms, stacked.detach().tolist(), strict=True))
        if not all(map(math.isfinite, found.values())):
            raise ModelError(f"tuning, step {step + 1}: the losses are {found}. Tune with a lower learning rate")
        optimizer.zero_grad()
        stacked.sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if progress:
            share = max(share_of_time(), (step + 1) / s.steps)
            left = (time.monotonic() - began) * (1 / share - 1)
            progress(TuningProgress(step + 1, share, left, found))
    return vector.detach()[0].cpu()


@torch.no_grad()
def style_closed(
    network: ConditionalTransformer,
    vectors: Sequence[Tensor],
    painting: Rgb,
    photographs: Images,
    loss_network: LossNetwork,
    hardware: Hardware,
    settings: PerceptualSettings,
) -> list[float]:
    """How much of the photographs' style loss each style vector closes: 0 is the photographs, 1 the painting itself.

    The style loss is that of the recipe: Gram matrices at several scales, relative to the painting's own. Measured on
    one batch of crops that tuning does not see.
    """
    device = hardware.device
    hardware.place(network)
    loss = PerceptualLoss(loss_network, settings, hardware)
    targets = _targets(loss, painting, hardware)
    crops = as_floats(crops_at(photographs, JUDGED, settings.batch, settings.size, settings.seed).to(device))
    unchanged = float(loss(crops, crops, targets)["style"])
    noise_offset = network.draw_noise_offset(rng_of(settings.seed, JUDGED))
    closed = []
    for vector in vectors:
        with hardware.autocast():
            stylised = network(crops, vector.reshape(1, -1).float().to(device), noise_offset).float()
        closed.append(1 - float(loss(crops, stylised, targets)["style"]) / unchanged if unchanged else 0.0)
    return closed


def _targets(loss: PerceptualLoss, painting: Rgb, hardware: Hardware) -> Targets:
    image = as_floats(as_batch([resize_long_side(painting, loss.settings.style_side)])).to(hardware.device)
    return [target.expand(loss.settings.batch, -1, -1) for target in loss.targets(image, exact=True)]
