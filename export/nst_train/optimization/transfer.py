"""A photograph repainted by changing its pixels until their feature maps agree (Gatys et al. 2015, 2016)."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from nst_rt.errors import InputError, StyleError
from torch import Tensor
from torch.nn import functional

from nst_train.data.crops import as_batch, as_floats
from nst_train.data.images import Rgb, as_rgb, resize_long_side
from nst_train.loop.hardware import Hardware
from nst_train.optimization.objective import Layers, Objective, StyleLoss
from nst_train.perceptual import losses
from nst_train.perceptual.loss_network import LossNetwork

Optimizer = Literal["lbfgs", "adam"]
Stopped = Literal["steps", "converged", "interrupted", "diverged"]
FIRST_MOVE = 0.01
"""How far L-BFGS, which knows nothing of the losses' curvature yet, first moves a pixel on average; white is 1."""
HISTORY_BYTES = 1 << 29
"""What L-BFGS may remember: two tensors of the image's size a step."""


@dataclass(frozen=True, kw_only=True)
class TransferSettings:
    """How an image is optimised.

    Style and content errors are relative to the paintings' and the photograph's own, so the weights mean the same for
    every image, layer and size.
    """

    content_layer: str = "relu3_1"
    style_layers: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1")
    style_loss: StyleLoss = "gram"
    scales: int = 3
    """The style loss sees the image at 1, 1/2, 1/4 ... of its size, as far as 32 pixels are left."""
    style_weight: float = 10.0
    content_weight: float = 1.0
    variation_weight: float = 5.0
    """Total variation: against the grain that poolings leave in even areas."""
    range_weight: float = 20.0
    """Against values outside [0, 1], which are clipped in the end."""
    optimizer: Optimizer = "lbfgs"
    learning_rate: float = 0.02
    """Of Adam; L-BFGS finds its step widths by a line search."""
    start: Literal["content", "noise"] = "content"
    steps: int = 300
    """Evaluations of the losses and their gradient, over all sizes; a coarser size takes twice as many as the next."""
    sizes: tuple[int, ...] = ()
    """Long sides in pixels, coarse to fine; the last is the result's. The photograph's own alone if empty."""
    seed: int = 7
    """Of the noise."""


@dataclass(frozen=True)
class Transferred:
    """An optimised image and how it came about."""

    image: Rgb
    """Where the losses were lowest at the finest size that was reached."""
    losses: list[dict[str, float]]
    """Of every step, the first one measured at the start: `style` and `content`, `variation` and `range` before
    weighting, and the weighted `total`."""
    steps: int
    """Evaluations that gave finite losses."""
    stopped: Stopped
    lowest: dict[str, float]
    """The losses of `image`."""


Progress = Callable[[int, dict[str, float], Callable[[], Rgb]], None]
"""Called after every evaluation: steps so far, its losses, and a function that gives the best image of this size."""


class _Stop(Exception):  # noqa: N818 - nothing went wrong
    """Leaves an optimiser in the middle of its search."""

    def __init__(self, reason: Stopped) -> None:
        self.reason: Stopped = reason


def transfer(
    content: Rgb,
    styles: Sequence[tuple[Rgb, float]],
    network: LossNetwork,
    settings: TransferSettings,
    hardware: Hardware,
    *,
    begin_with: Rgb | None = None,
    progress: Progress | None = None,
    wants_stop: Callable[[], bool] = lambda: False,
) -> Transferred:
    """Repaint `content` in the style of one or several paintings.

    On a CPU the same arguments and number of threads give the same image to the byte.

    Args:
        content: uint8 RGB (H, W, 3), sides 16 or more.
        styles: paintings and their weights, which are scaled to add up to 1. A painting's size sets the size of its
            strokes: bring it to about the photograph's. At coarser sizes both are reduced alike.
        begin_with: an image to start from, of any size, in place of `settings.start`.
        progress: sees every evaluation.
        wants_stop: asked before every evaluation.

    Raises:
        ModelError: a layer that the loss network does not have.
        StyleError: no painting, weights that cannot be used.
        InputError: the losses are not finite even at the start.
    """
    weighted = _scaled(styles)
    network.require([settings.content_layer, *settings.style_layers])
    side = max(content.shape[:2])
    sizes = settings.sizes or (side,)
    run = _Run(settings, progress, wants_stop)
    image: Tensor | None = None
    stopped: Stopped = "steps"
    for size, steps in zip(sizes, share_steps(settings.steps, len(sizes)), strict=True):
        photograph = _tensor(_resized(content, size / side), hardware)
        paintings = [(_tensor(_resized(painting, size / sizes[-1]), hardware), weight) for painting, weight in weighted]
        layers = Layers(settings.content_layer, settings.style_layers, settings.style_loss, settings.scales)
        objective = Objective(network, layers, photograph, paintings, hardware)
        if image is None:
            image = _start(photograph, settings, begin_with, hardware)
        else:
            image = functional.interpolate(image, photograph.shape[2:], mode="bicubic", align_corners=False)
        image, stopped = run.optimise(objective, image, steps)
        if stopped in ("interrupted", "diverged"):
            break
    assert image is not None
    return Transferred(_bytes(image), run.losses, len(run.losses), stopped, run.lowest)


def share_steps(steps: int, sizes: int) -> list[int]:
    """`steps` over several sizes, each with about half as many as the coarser one before it, and at least one."""
    shares = [2.0**-index for index in range(sizes)]
    counts = [max(1, round(steps * share / sum(shares))) for share in shares]
    counts[0] = max(1, counts[0] + steps - sum(counts))
    return counts


class _Run:
    """The steps of all sizes: counted, reported, and stopped."""

    def __init__(self, settings: TransferSettings, progress: Progress | None, wants_stop: Callable[[], bool]) -> None:
        self.losses: list[dict[str, float]] = []
        self.lowest: dict[str, float] = {}
        """Of the present size."""
        self._settings, self._progress, self._wants_stop = settings, progress, wants_stop

    def optimise(self, objective: Objective, start: Tensor, steps: int) -> tuple[Tensor, Stopped]:
        """The best of `steps` evaluations, and why no more were made."""
        search = _Search(self, objective, start, steps)
        try:
            for optimizer in self._optimizers(search.pixels, steps):
                before = search.taken
                optimizer.step(search.evaluate)
                if search.taken == before + 1 and isinstance(optimizer, torch.optim.LBFGS):
                    break  # from the point where it stands it finds no way down
        except _Stop as stop:
            return search.best, stop.reason
        return search.best, "converged"

    def _optimizers(self, pixels: Tensor, steps: int) -> Iterator[torch.optim.Optimizer]:
        """What to call `step` of, until the search says that it was enough."""
        if self._settings.optimizer == "adam":
            adam = torch.optim.Adam([pixels], self._settings.learning_rate)
            while True:
                yield adam
        history = max(4, min(100, HISTORY_BYTES // (8 * pixels.numel())))
        while True:  # one that has lost its way starts afresh
            lbfgs = torch.optim.LBFGS(
                [pixels],
                # PyTorch's first step moves all pixels together by 1, from which a line search takes long to get on.
                lr=FIRST_MOVE * pixels.numel(),
                max_iter=1,
                tolerance_grad=0,
                tolerance_change=0,
                history_size=history,
                line_search_fn="strong_wolfe",
            )
            yield lbfgs
            lbfgs.param_groups[0].update(lr=1.0, max_iter=steps, max_eval=2 * steps)
            yield lbfgs

    def weigh(self, errors: dict[str, Tensor], pixels: Tensor) -> dict[str, Tensor]:
        """All losses by name, with their weighted total."""
        s = self._settings
        terms = errors | {
            "variation": losses.total_variation(pixels).sum(),
            "range": losses.out_of_range(pixels).sum(),
        }
        weights = (s.style_weight, s.content_weight, s.variation_weight, s.range_weight)
        weighted = [
            weight * terms[name]
            for name, weight in zip(("style", "content", "variation", "range"), weights, strict=True)
            if weight
        ]
        return terms | {"total": torch.stack(weighted).sum()}

    def note(self, values: dict[str, float], best: Tensor) -> None:
        """Record an evaluation; `best` is the image with the lowest losses so far.

        Raises:
            _Stop: its losses are not finite.
            InputError: not even the first ones are.
        """
        if not all(map(math.isfinite, values.values())):
            if not self.losses:
                told = ", ".join(f"{name} {value}" for name, value in values.items())
                raise InputError(
                    f"the losses are not finite at the very start ({told}). Check the loss network and the weights"
                )
            raise _Stop("diverged")
        self.losses.append(values)
        if self._progress is not None:
            self._progress(len(self.losses), values, lambda: _bytes(best))

    def check_wanted(self) -> None:
        """Raise _Stop when somebody wants an end."""
        if self.losses and self._wants_stop():
            raise _Stop("interrupted")


class _Search:
    """The evaluations at one size."""

    def __init__(self, run: _Run, objective: Objective, start: Tensor, steps: int) -> None:
        self.pixels = start.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
        # L-BFGS looks at the gradient as one row of numbers.
        self.pixels.register_hook(lambda slope: slope.contiguous())  # type: ignore[no-untyped-call]
        self.best = start
        self.taken = 0
        self._lowest = math.inf
        self._run, self._objective, self._steps = run, objective, steps

    def evaluate(self) -> float:
        """The total loss, its gradient in `pixels.grad`."""
        if self.taken == self._steps:
            raise _Stop("steps")
        self._run.check_wanted()
        self.pixels.grad = None
        terms = self._run.weigh(self._objective(self.pixels), self.pixels)
        terms["total"].backward()  # type: ignore[no-untyped-call]
        values = {name: float(value.detach()) for name, value in terms.items()}
        if values["total"] < self._lowest:  # which a loss that is not a number never is
            self._lowest, self.best, self._run.lowest = values["total"], self.pixels.detach().clone(), values
        self._run.note(values, self.best)
        self.taken += 1
        return values["total"]


def _scaled(styles: Sequence[tuple[Rgb, float]]) -> list[tuple[Rgb, float]]:
    total = sum(weight for _, weight in styles)
    if not styles or not math.isfinite(total) or total <= 0 or min(weight for _, weight in styles) < 0:
        raise StyleError(
            f"{len(styles)} paintings with weights {[weight for _, weight in styles]}: give at least one painting, and "
            "weights from 0 up that are not all 0"
        )
    return [(painting, weight / total) for painting, weight in styles if weight]


def _start(photograph: Tensor, settings: TransferSettings, begin_with: Rgb | None, hardware: Hardware) -> Tensor:
    if begin_with is not None:
        given = _tensor(begin_with, hardware)
        return functional.interpolate(
            given, photograph.shape[2:], mode="bicubic", align_corners=False, antialias=True
        ).clamp(0, 1)
    if settings.start == "noise":
        rng = torch.Generator().manual_seed(settings.seed)  # on the CPU, whatever the device: the same noise
        noise = torch.rand(photograph.shape, generator=rng)
        return noise.to(hardware.device)
    return photograph


def _resized(image: Rgb, scale: float) -> Rgb:
    return image if scale == 1 else resize_long_side(image, round(scale * max(image.shape[:2])), least=16)


def _tensor(image: Rgb, hardware: Hardware) -> Tensor:
    return as_floats(as_batch([image])).to(hardware.device)


def _bytes(image: Tensor) -> Rgb:
    return as_rgb((image.detach()[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy())
