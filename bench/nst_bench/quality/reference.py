"""The reference: what optimising the pixels (Gatys et al. 2016) makes of the same photograph and painting."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from nst_rt.media.images.image_writer import write_image
from nst_train.data.images import Rgb, as_rgb, read_rgb, resize_long_side
from nst_train.loop.hardware import Hardware
from nst_train.optimization.transfer import TransferSettings, transfer
from nst_train.perceptual.loss_network import LossNetwork

from nst_bench.harness.store import Store
from nst_bench.quality.images import Painting, Photograph
from nst_bench.quality.measuring import Loss, Measurements

STEPS = (300, 500)
"""Evaluations of the losses and their gradient after which the image is judged."""


class Reference:
    """Optimised images and their losses, one pair of photograph and painting at a time; minutes each on a CPU.

    Args:
        question: what decides every answer beside the pair: the loss network's hash, say.
        hardware: in bfloat16 the line search of L-BFGS may find no way down after some hundred steps.
        steps: after how many the image is judged; rising.
        style_weight: against a content weight of 1; what it is decides how far the method leaves the photograph.
    """

    def __init__(
        self,
        network: LossNetwork,
        hardware: Hardware,
        measurements: Measurements,
        store: Store,
        question: dict[str, Any],
        steps: Sequence[int] = STEPS,
        style_weight: float = TransferSettings.style_weight,
    ) -> None:
        self._network, self._hardware, self._measurements = network, hardware, measurements
        self._store = store
        self._steps = steps
        self._settings = TransferSettings(steps=steps[-1], style_weight=style_weight)
        self._question = {
            "kind": "reference",
            **question,
            "settings": asdict(self._settings),
            "precision": str(hardware.dtype),
            "judged": list(steps),
        }

    def measure(
        self, painting: Painting, index: int, photograph: Photograph, progress: Callable[[int, int], None]
    ) -> dict[int, Loss]:
        """The losses of one pair by the number of steps.

        Args:
            index: of the photograph among those measured.
            progress: called with the steps done and their number.
        """
        question = self._pair(painting, photograph)
        answer = self._store.find(question)
        if answer is None:
            wanted = self._measurements.grams(painting)
            images = self._optimise(painting, photograph, progress)
            answer = {
                str(steps): asdict(self._measurements.judge(image, wanted, index)) for steps, image in images.items()
            }
            # The image first: an answer that is there has its image.
            write_image(self._store.path(question, ".png"), as_rgb(images[self._steps[-1]][..., ::-1]))
            self._store.keep(question, answer)
        return {int(steps): Loss(**loss) for steps, loss in answer.items()}

    def image(self, painting: Painting, photograph: Photograph) -> Rgb | None:
        """What became of a pair that was measured, uint8 RGB; None if its file has gone."""
        path = self._store.path(self._pair(painting, photograph), ".png")
        return read_rgb(path) if path.is_file() else None

    def describe(self) -> dict[str, Any]:
        """For the report."""
        return {"settings": asdict(self._settings), "hardware": self._hardware.name, "judged_at": list(self._steps)}

    def _pair(self, painting: Painting, photograph: Photograph) -> dict[str, Any]:
        return {**self._question, "painting": painting.question, "photograph": photograph.question}

    def _optimise(
        self, painting: Painting, photograph: Photograph, progress: Callable[[int, int], None]
    ) -> dict[int, Rgb]:
        kept: dict[int, Rgb] = {}
        lowest = math.inf
        best = photograph.rgb

        def watch(step: int, losses: dict[str, float], image: Callable[[], Rgb]) -> None:
            nonlocal lowest, best
            # A line search also looks where it is worse; an image is what the method would have returned by then.
            if losses["total"] < lowest:
                lowest, best = losses["total"], image()
            if step in self._steps:
                kept[step] = best
            progress(step, self._steps[-1])

        resized = resize_long_side(painting.rgb, painting.side)
        done = transfer(photograph.rgb, [(resized, 1.0)], self._network, self._settings, self._hardware, progress=watch)
        return {steps: kept.get(steps, done.image) for steps in self._steps}
