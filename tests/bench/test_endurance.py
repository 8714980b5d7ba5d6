"""Memory over a long run: the check itself, and that it sees a leak of one frame a call."""

import mmap
from pathlib import Path
from typing import Any

from nst_bench.endurance import measure_memory
from nst_bench.latency import Case
from nst_rt.stylizer import Frame, Stylizer

CASE = Case(128, 96)
FRAME_BYTES = 128 * 96 * 3
FRAMES = 1200


class Leaking:
    """A stylizer that keeps every frame it made."""

    def __init__(self, stylizer: Stylizer) -> None:
        self._stylizer = stylizer
        self._kept: list[mmap.mmap] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stylizer, name)

    def __call__(self, frame: Frame) -> Frame:
        stylized = self._stylizer(frame)
        # Mapped afresh: the heap would first fill what earlier tests gave back, which is resident already.
        self._kept.append(mmap.mmap(-1, stylized.nbytes))
        self._kept[-1].write(stylized.tobytes())
        return stylized


def test_memory_is_flat_over_many_frames(inverting: Path) -> None:
    with Stylizer.load(model=inverting, device="cpu", threads=1) as stylizer:
        told = measure_memory(stylizer, CASE, FRAMES)
    for way in ("calls", "live"):
        assert list(told[way]["rss_mb"]) == ["1%", "10%", "50%", "100%"]
        # A leak of a frame a call would be FRAME_BYTES; the allocator settles within a few hundred kilobytes.
        assert told[way]["bytes_per_frame"] < FRAME_BYTES / 10, told


def test_a_leak_of_a_frame_a_call_is_seen(inverting: Path) -> None:
    with Stylizer.load(model=inverting, device="cpu", threads=1) as stylizer:
        told = measure_memory(Leaking(stylizer), CASE, FRAMES)  # type: ignore[arg-type]
    for way in ("calls", "live"):
        assert told[way]["bytes_per_frame"] > FRAME_BYTES / 2, told
