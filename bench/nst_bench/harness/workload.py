"""What is measured: frames of one size, through a model on a device."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from nst_rt.contract import Frame
from nst_rt.errors import InputError
from nst_rt.media.images.sample_image import landscape
from nst_rt.stylizer.stylizer import Stylizer

DISTINCT_FRAMES = 8
"""Frames of a loop: nothing can be answered from a cache of the last one."""
LEAST_SIDE = 16


@dataclass(frozen=True)
class Case:
    """One frame size to measure, in pixels, and the frames of one call."""

    width: int
    height: int
    batch: int = 1

    @classmethod
    def parse(cls, text: str, batch: int = 1) -> "Case":
        """Read WIDTHxHEIGHT.

        Raises:
            InputError: the text has another form, or a side has fewer than 16 pixels.
        """
        match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text.strip().lower(), re.ASCII)
        if not match or min(int(match[1]), int(match[2])) < LEAST_SIDE:
            raise InputError(
                f"{text!r} is not WIDTHxHEIGHT with both sides {LEAST_SIDE} or more. Write it as 1280x720",
                parameter="size",
            )
        return cls(int(match[1]), int(match[2]), batch)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}" + (f" x{self.batch}" if self.batch > 1 else "")


@dataclass(frozen=True)
class Target:
    """A model on a device; each field as `Stylizer.load` takes it."""

    device: str = "auto"
    precision: str = "auto"
    model: str | Path | None = None
    threads: int | None = None

    def load(self, **more: Any) -> Stylizer:
        """Open the model.

        Args:
            more: further arguments of `Stylizer.load`.
        """
        return Stylizer.load(
            model=self.model, device=self.device, precision=self.precision, threads=self.threads, **more
        )

    def arguments(self) -> list[str]:
        """The same for a command of `nst-rt`."""
        given = {
            "--device": self.device,
            "--precision": self.precision,
            "--model": self.model,
            "--threads": self.threads,
        }
        return [word for name, value in given.items() if value is not None for word in (name, str(value))]

    def __str__(self) -> str:
        return f"{self.device} {self.precision}"


def moving_frames(case: Case) -> list[Frame]:
    """Frames (H, W, 3), or batches (N, H, W, 3), of an image that moves; uint8 BGR."""
    wide = landscape(768, 512)
    image = cv2.resize(wide, (case.width, case.height), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    frames = [np.roll(image, 5 * index, axis=1) for index in range(DISTINCT_FRAMES)]
    return [np.stack([frame] * case.batch) for frame in frames] if case.batch > 1 else frames
