"""One image optimised for the command line: watched, recoloured, written and told about."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from nst_rt.contract import Frame
from nst_rt.media.images.image_reader import Image
from nst_rt.media.images.image_writer import write_image

from nst_train.data.images import Rgb, as_rgb
from nst_train.loop.hardware import Hardware
from nst_train.loop.interruption import Interruption
from nst_train.loop.progress import Reporter
from nst_train.optimization.colors import keep_colors
from nst_train.optimization.process import ProcessRecord
from nst_train.optimization.transfer import Transferred, TransferSettings, transfer
from nst_train.perceptual.loss_network import LossNetwork


@dataclass
class Run:
    """What is optimised, and where the result goes."""

    photograph: Image
    """Of the result's size."""
    styles: list[tuple[Rgb, float]]
    network: LossNetwork
    settings: TransferSettings
    hardware: Hardware
    reporter: Reporter
    begin_with: Rgb | None = None
    color: float = 1.0
    """As in `keep_colors`; images on the way have it too."""
    record: ProcessRecord | None = None

    def write(self, target: Path, quality: int) -> tuple[Transferred, dict[str, Any]]:
        """Optimise and write the image, and the record of how it came about.

        Returns:
            The result and a summary for JSON.

        Raises:
            ModelError: a layer that the loss network does not have.
            InputError: the losses are not finite even at the start.
            OutputError: something cannot be written.
        """
        sizes = " -> ".join(map(str, self.settings.sizes))
        self.network.require([self.settings.content_layer, *self.settings.style_layers])
        self.reporter.note(f"optimising at {sizes} px with {self.network.name} on {self.hardware.name}")
        if self.record is not None:
            self.record.begin()
        started = time.perf_counter()
        done = self._transfer()
        seconds = time.perf_counter() - started
        bgr = self._finished(done.image)
        files = [target]
        alpha = self.photograph.alpha
        if alpha is not None and alpha.shape != bgr.shape[:2]:  # stopped at a coarser size
            alpha = _resized(alpha, bgr)
        notices = write_image(target, bgr, alpha, quality=quality, profile=self.photograph.profile)
        if self.record is not None:
            files += self.record.finish(done.steps, _label(done.steps, done.lowest), bgr)
        for notice in notices:
            self.reporter.note(f"note: {notice}")
        self._tell(done, files, seconds)
        return done, {
            "output": str(target),
            "files": [str(path) for path in files],
            "size": [bgr.shape[1], bgr.shape[0]],
            "steps": done.steps,
            "stopped": done.stopped,
            "seconds": round(seconds, 3),
            "losses": {"start": done.losses[0], "end": done.lowest},
            "loss_network": self.network.name,
            "hardware": self.hardware.name,
            "notices": notices,
        }

    def _transfer(self) -> Transferred:
        self.reporter.begin(0, self.settings.steps)
        try:
            with Interruption() as interruption:
                return transfer(
                    as_rgb(self.photograph.bgr[..., ::-1]),
                    self.styles,
                    self.network,
                    self.settings,
                    self.hardware,
                    begin_with=self.begin_with,
                    progress=self._see,
                    wants_stop=lambda: interruption.wanted,
                )
        finally:
            self.reporter.end()

    def _see(self, step: int, losses: dict[str, float], image: Callable[[], Rgb]) -> None:
        self.reporter.advance(step, losses)
        if self.record is not None:
            self.record.see(step, _label(step, losses), lambda: self._finished(image()))

    def _finished(self, image: Rgb) -> Frame:
        """The image as BGR, with the photograph's colours as far as they are wanted."""
        photograph = as_rgb(self.photograph.bgr[..., ::-1])
        if photograph.shape != image.shape:
            photograph = _resized(photograph, image)
        return as_rgb(keep_colors(image, photograph, self.color)[..., ::-1])

    def _tell(self, done: Transferred, files: list[Path], seconds: float) -> None:
        how = {
            "steps": f"{done.steps} steps",
            "converged": f"{done.steps} steps, after which nothing got better",
            "interrupted": f"interrupted after step {done.steps}",
            "diverged": f"stopped: the losses of step {done.steps + 1} are not finite; this is the last good image",
        }[done.stopped]
        first, last = done.losses[0], done.lowest
        self.reporter.note(
            f"{files[0]}: {how}, {seconds:.1f} s; style loss {first['style']:.3g} -> {last['style']:.3g}, "
            f"content loss {first['content']:.3g} -> {last['content']:.3g}"
        )
        for path in files[1:]:
            self.reporter.note(f"wrote {path}")


def _label(step: int, losses: dict[str, float]) -> str:
    return f"{step}: style {losses['style']:.2g}"


def _resized(image: Frame, like: Frame) -> Frame:
    size = like.shape[1], like.shape[0]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
