"""The reference: the same photograph and painting by optimisation of the pixels (Gatys et al. 2016)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from nst_train.data.images import Rgb, read_rgb, resize_long_side
from nst_train.loop.hardware import Hardware
from nst_train.optimization.transfer import TransferSettings, transfer

from nst_bench.harness.inputs import Painting, Photograph, reversed_channels
from nst_bench.harness.loss_measurements import Loss, LossMeasurements

STEPS = (300, 500)
"""Evaluations of the losses and their gradient after which the image is judged."""


class Reference:
    """Optimised images and their losses, one pair of photograph and painting at a time; minutes each on a CPU.

    Args:
        losses: judges the images, and holds the cache of all results.
        hardware: in bfloat16 the line search of L-BFGS may find no improvement after some hundred steps.
        steps: after how many the image is judged, ascending.
        style_weight: relative to a content weight of 1. It decides how far the method leaves the photograph.
    """

    def __init__(
        self,
        losses: LossMeasurements,
        hardware: Hardware,
        *,
        steps: Sequence[int] = STEPS,
        style_weight: float = TransferSettings.style_weight,
    ) -> None:
        self._losses, self._hardware, self.steps = losses, hardware, tuple(steps)
        self._settings = TransferSettings(steps=steps[-1], style_weight=style_weight)

    def measure(self, painting: Painting, number: int, progress: Callable[[int, int], None]) -> dict[int, Loss]:
        """The losses of one pair by the number of steps.

        Args:
            number: of the photograph among those measured.
            progress: called with the steps done and the steps in all.
        """
        photograph = self._losses.photographs[number]
        key = self._key(painting, photograph)
        result = self._losses.cache.find(key)
        if result is None:
            target = self._losses.grams(painting)
            images = self._optimise(painting, photograph, progress)
            result = {
                str(steps): asdict(self._losses.measure(image, target, number)) for steps, image in images.items()
            }
            # The image first: a result that is there has its image.
            self._losses.cache.keep_image(key, reversed_channels(images[self.steps[-1]]))
            self._losses.cache.keep(key, result)
        return {int(steps): Loss(**loss) for steps, loss in result.items()}

    def image(self, painting: Painting, photograph: Photograph) -> Rgb | None:
        """The optimised image uint8 RGB of a pair that was measured; None if its file is gone."""
        path = self._losses.cache.path(self._key(painting, photograph), ".png")
        return read_rgb(path) if path.is_file() else None

    def describe(self) -> dict[str, Any]:
        """For the report."""
        return {"settings": asdict(self._settings), "hardware": self._hardware.name, "judged_at": list(self.steps)}

    def _key(self, painting: Painting, photograph: Photograph) -> dict[str, Any]:
        return self._losses.key(
            "reference",
            settings=asdict(self._settings),
            precision=str(self._hardware.dtype),
            judged=list(self.steps),
            painting=painting.key,
            photograph=photograph.key,
        )

    def _optimise(
        self, painting: Painting, photograph: Photograph, progress: Callable[[int, int], None]
    ) -> dict[int, Rgb]:
        kept: dict[int, Rgb] = {}
        lowest = math.inf
        best = photograph.rgb

        def watch(step: int, losses: dict[str, float], image: Callable[[], Rgb]) -> None:
            nonlocal lowest, best
            # A line search also visits worse images; kept is what the method would have returned by then.
            if losses["total"] < lowest:
                lowest, best = losses["total"], image()
            if step in self.steps:
                kept[step] = best
            progress(step, self.steps[-1])

        style = resize_long_side(painting.rgb, painting.side)
        done = transfer(
            photograph.rgb, [(style, 1.0)], self._losses.network, self._settings, self._hardware, progress=watch
        )
        return {steps: kept.get(steps, done.image) for steps in self.steps}
