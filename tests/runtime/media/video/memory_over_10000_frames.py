"""Does memory stay flat over a long video? Run it by hand, with tests/fixtures on PYTHONPATH.

It makes a video of 10 000 frames with audio, reads, inverts and writes it as `nst-rt video` does, and prints the
resident memory meanwhile. Exits with 1 if it grows by more than 32 MB after the first 2000 frames.
"""

import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from nst_rt.jobs.video_job import transcode
from nst_rt.media.video.video_reader import VideoReader
from numpy.typing import NDArray
from video_files import make_video

FRAMES, HEIGHT, WIDTH = 10_000, 360, 640
ALLOWED_MB = 32


def resident_mb() -> float:
    """Resident memory of this process, from /proc."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


class Sliding(Sequence[NDArray[np.uint8]]):
    """A pattern of blocks that moves on by a pixel with every frame."""

    def __init__(self) -> None:
        blocks = np.random.default_rng(0).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
        self._pattern = blocks.repeat(8, 0).repeat(8, 1)

    def __len__(self) -> int:
        return FRAMES

    def __getitem__(self, index: Any) -> Any:
        if index >= FRAMES:
            raise IndexError(index)
        return np.roll(self._pattern, index, axis=1)


class Inverting:
    """Looks at the memory every 1000 frames."""

    def __init__(self) -> None:
        self.seen: dict[int, float] = {}
        self.count = 0

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        self.count += 1
        if self.count % 1000 == 0:
            self.seen[self.count] = resident_mb()
        return 255 - frame


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        source = make_video(Path(folder) / "long.mp4", Sliding(), audio="aac", options={"preset": "ultrafast"})
        inverting = Inverting()
        with VideoReader(source) as reader:

            def prepare(frame: NDArray[np.uint8], _: float) -> SimpleNamespace:
                return SimpleNamespace(run=partial(inverting, frame))

            told = transcode(reader, prepare, Path(folder) / "out.mp4")
    for count, megabytes in inverting.seen.items():
        print(f"{count:6d} frames  {megabytes:7.1f} MB")  # noqa: T201
    grown = max(inverting.seen.values()) - inverting.seen[2000]
    print(f"{told.frames} frames at {told.fps:.0f}/s, {grown:+.1f} MB after the first 2000")  # noqa: T201
    return int(grown > ALLOWED_MB or told.frames != FRAMES)


if __name__ == "__main__":
    sys.exit(main())
