"""How an image came about: every so many steps as images, as one strip, and as a small video."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from nst_rt.contract import Frame
from nst_rt.files.naming import check_not_taken
from nst_rt.media.images.contact_sheet import Cell, contact_sheet
from nst_rt.media.images.image_reader import read_image
from nst_rt.media.images.image_writer import write_image
from nst_rt.media.video.video_info import VideoInfo
from nst_rt.media.video.video_writer import VideoWriter

FRAMES_A_SECOND = 12
LAST_FRAME = 2 * FRAMES_A_SECOND
"""The video shows its last image for so many frames."""
VIDEO_SIDE = 960
"""Long side of the video at most, in pixels."""
IN_STRIP = 8
"""Images in the strip at most."""
STRIP_SIDE = 320
"""Long side of an image in the strip at most, in pixels; labels grow with it."""


@dataclass(frozen=True)
class _Frame:
    path: Path
    label: str


class ProcessRecord:
    """Keeps images of a run in a folder beside its result; in the end makes a strip and a video of them.

    For `photo.png`: `photo.process/step_00001.png` ..., `photo.process.jpg` and `photo.process.mp4`.

    Args:
        result: the file that the run is about to write.
        every: steps from one image to the next; the first and the last are always kept.
        overwrite: replace the record of an earlier run.

    Raises:
        OutputError: there is such a record already, or its folder cannot be made.
    """

    def __init__(self, result: Path, every: int, *, overwrite: bool) -> None:
        name = f"{result.stem}.process"
        self._every = every
        self._folder = result.with_name(name)
        self._strip, self._video = result.with_name(f"{name}.jpg"), result.with_name(f"{name}.mp4")
        for path in (self._folder, self._strip, self._video):
            check_not_taken(path, [], overwrite=overwrite)
        self._frames: list[_Frame] = []

    def begin(self) -> None:
        """Make the folder, and remove the images of an earlier run from it."""
        self._folder.mkdir(exist_ok=True)
        for path in self._folder.iterdir():
            if re.fullmatch(r"step_\d{5,}\.png", path.name):
                path.unlink()

    def see(self, step: int, label: str, image: Callable[[], Frame]) -> None:
        """Keep the image of a step, uint8 BGR (H, W, 3) of any size, if it is its turn.

        Raises:
            OutputError: it cannot be written.
        """
        if step == 1 or step % self._every == 0:
            self._keep(step, label, image())

    def finish(self, step: int, label: str, image: Frame) -> list[Path]:
        """Keep the last image, whose size the video gets; returns the folder, the strip and the video.

        Raises:
            OutputError: one of them cannot be written.
        """
        self._keep(step, label, image)
        self._write_strip()
        self._write_video(image.shape[1], image.shape[0])
        return [self._folder, self._strip, self._video]

    def _keep(self, step: int, label: str, image: Frame) -> None:
        frame = _Frame(self._folder / f"step_{step:05d}.png", label)
        write_image(frame.path, image)
        self._frames = [other for other in self._frames if other.path != frame.path] + [frame]

    def _write_strip(self) -> None:
        places = np.linspace(0, len(self._frames) - 1, min(IN_STRIP, len(self._frames))).round().astype(int)
        chosen = [self._frames[place] for place in places]
        cells = [Cell(read_image(frame.path).bgr, frame.label) for frame in chosen]
        longest = max(max(cell.image.shape[:2]) for cell in cells)
        write_image(self._strip, contact_sheet(cells, columns=len(cells), side=min(STRIP_SIDE, longest)))

    def _write_video(self, width: int, height: int) -> None:
        scale = min(1.0, VIDEO_SIDE / max(width, height))
        size = max(16, round(width * scale)), max(16, round(height * scale))
        rate = Fraction(FRAMES_A_SECOND)
        with VideoWriter(self._video, VideoInfo(*size, time_base=1 / rate, average_rate=rate)) as video:
            last = len(self._frames) - 1
            for index in range(len(self._frames) + LAST_FRAME):
                bgr = read_image(self._frames[min(index, last)].path).bgr
                resampling = cv2.INTER_AREA if bgr.shape[0] > size[1] else cv2.INTER_CUBIC
                video.write(np.asarray(cv2.resize(bgr, size, interpolation=resampling), np.uint8), index)
