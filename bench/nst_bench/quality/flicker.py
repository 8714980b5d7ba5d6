"""Flicker: how much a stylised clip changes where the clip itself only moves.

The warping error of Lai et al. 2018, as in Ruder et al. 2016: a frame is compared with the frame before it, which is
warped along the optical flow of the source; occluded pixels are left out. The warping error of the source itself is
subtracted: it comes from noise, from changing light and from wrong flow.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from nst_rt.contract import Frame
from nst_rt.errors import InputError
from nst_rt.files.reading import file_sha256
from nst_rt.media.video.video_reader import VideoReader

from nst_bench.quality.motion import Motion, find_motion, warp

LONG_SIDE = 640
"""Larger frames are reduced to this, in pixels."""
LEAST_VISIBLE = 0.05
"""Share of a frame that must be visible in the frame before it; pairs with less are left out."""


@dataclass(frozen=True)
class Flicker:
    """Warping errors of one stylised clip; grey levels from 0 to 255, means over pairs of frames."""

    rms: float
    """Root mean square difference over visible pixels; that of the source is subtracted, pair by pair."""
    squared: float
    """Mean squared difference, that of the source subtracted: the measure of Lai et al. 2018, times 255²."""
    stylised_rms: float
    source_rms: float
    pairs: int


class Clip:
    """The middle frames of a video, and their motion.

    Args:
        path: the video.
        frames: how many at most, one after the other; 0 takes all. They are read when they are first needed, and stay
            in memory with their flow: about 4 MB per frame at 640x480.
    """

    def __init__(self, path: Path, frames: int) -> None:
        self.path = path
        self._count = frames

    @cached_property
    def sha256(self) -> str:
        return file_sha256(self.path)

    @property
    def key(self) -> dict[str, Any]:
        """These frames of this clip, for the key of a result."""
        return {"clip": self.sha256, "frames": self._count, "long_side": LONG_SIDE}

    @cached_property
    def frames(self) -> list[Frame]:
        """uint8 (H, W, 3) BGR.

        Raises:
            InputError: not a video, or fewer than two frames.
        """
        with VideoReader(self.path, long_side=LONG_SIDE) as video:
            length = video.frame_count or 0
            start = max(0, (length - self._count) // 2) if self._count else 0
            end = start + self._count if self._count else None
            found = []
            for number, frame in enumerate(video):
                if end is not None and number >= end:
                    break
                if number >= start:
                    found.append(frame.bgr)
        if len(found) < 2:
            raise InputError(
                f"{self.path}: {len(found)} frames, and flicker needs two. Give a longer clip", parameter="video"
            )
        return found

    @cached_property
    def _motion(self) -> tuple[list[Motion], list[int]]:
        motions, cuts = find_motion(self.frames)
        return [motion for motion in motions if motion.visible.mean() >= LEAST_VISIBLE], cuts

    @property
    def motions(self) -> list[Motion]:
        """Between the pairs of frames that can be compared."""
        return self._motion[0]

    @property
    def cuts(self) -> list[int]:
        """Numbers of the frames that begin a new shot, counted from the first of `frames`."""
        return self._motion[1]

    def forget(self) -> None:
        """Free the memory of frames and motion; they are read again when they are needed."""
        for kept in ("frames", "_motion"):
            self.__dict__.pop(kept, None)

    def describe(self) -> dict[str, Any]:
        """For the report: hash, size, frames, cuts, pairs and the share of pixels that is compared."""
        height, width = self.frames[0].shape[:2]
        return {
            "sha256": self.sha256,
            "size": [width, height],
            "frames": len(self.frames),
            "cuts": self.cuts,
            "pairs": len(self.motions),
            "visible": fmean(float(motion.visible.mean()) for motion in self.motions) if self.motions else 0.0,
        }


def measure_flicker(clip: Clip, stylise: Callable[[Frame], Frame], done: Callable[[], None] = lambda: None) -> Flicker:
    """Stylise a clip frame by frame and measure its warping error.

    Args:
        stylise: uint8 (H, W, 3) BGR to the same shape; called once for every frame, in order.
        done: called after every frame.

    Raises:
        InputError: no two frames of the clip can be compared.
    """
    if not clip.motions:
        raise InputError(
            f"{clip.path}: no two frames that can be compared. Give another clip, or more frames",
            parameter="frames",
        )
    by_frame = {motion.before + 1: motion for motion in clip.motions}
    errors: list[tuple[float, float]] = []
    stylised = _one_by_one(clip.frames, stylise, done)
    previous = next(stylised)
    for number, current in enumerate(stylised, 1):
        if motion := by_frame.get(number):
            source = warping_error(clip.frames[number - 1], clip.frames[number], motion)
            errors.append((warping_error(previous, current, motion), source))
        previous = current
    roots = np.sqrt(np.array(errors))
    return Flicker(
        rms=float((roots[:, 0] - roots[:, 1]).mean()),
        squared=fmean(after - before for after, before in errors),
        stylised_rms=float(roots[:, 0].mean()),
        source_rms=float(roots[:, 1].mean()),
        pairs=len(errors),
    )


def warping_error(before: Frame, after: Frame, motion: Motion) -> float:
    """Mean squared difference, in grey levels, between a frame and the one before it moved along; visible pixels."""
    moved = warp(before.astype(np.float32), motion.flow)
    return float(np.square(moved - after.astype(np.float32))[motion.visible].mean())


def _one_by_one(frames: list[Frame], stylise: Callable[[Frame], Frame], done: Callable[[], None]) -> Iterator[Frame]:
    for frame in frames:
        yield stylise(frame)
        done()
