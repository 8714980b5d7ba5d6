"""Memory over a long run: the check itself, and that it sees a leak of one frame a call."""

import mmap
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from nst_bench.harness.workload import Case
from nst_bench.speed.endurance import STYLE_EVERY, main, measure_memory
from nst_rt.contract import Frame
from nst_rt.stylizer.stylizer import Stylizer
from typer import Typer
from typer.testing import CliRunner

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
        found = measure_memory(stylizer, CASE, FRAMES)
    for way in ("calls", "live"):
        assert list(found[way]["rss_mb"]) == ["1%", "10%", "50%", "100%"]
        # A leak of a frame a call would be FRAME_BYTES; the allocator settles within a few hundred kilobytes.
        assert found[way]["bytes_per_frame"] < FRAME_BYTES / 10, found


def test_a_leak_of_a_frame_a_call_is_seen(inverting: Path) -> None:
    with Stylizer.load(model=inverting, device="cpu", threads=1) as stylizer:
        found = measure_memory(Leaking(stylizer), CASE, FRAMES)  # type: ignore[arg-type]
    for way in ("calls", "live"):
        assert found[way]["bytes_per_frame"] > FRAME_BYTES / 2, found


def test_a_model_without_named_styles(tinting: Path, tmp_path: Path) -> None:
    painting = tmp_path / "painting.png"
    cv2.imwrite(str(painting), np.full((64, 64, 3), 99, np.uint8))
    with Stylizer.load(painting, model=tinting, device="cpu", threads=1) as stylizer:
        assert not stylizer.styles
        found = measure_memory(stylizer, Case(32, 32), STYLE_EVERY + 1)
    assert found["frames"] == STYLE_EVERY + 1


def test_a_model_that_is_not_there_is_one_line() -> None:
    app = Typer()
    app.command()(main)
    done = CliRunner().invoke(app, ["--model", "nosuch.onnx"])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: nosuch.onnx")
    assert done.stderr.count("\n") == 1
