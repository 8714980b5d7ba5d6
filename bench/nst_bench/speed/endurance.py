"""Does memory stay flat? Many frames through a stylizer, and through the live loop with capture thread and display.

    python -m nst_bench.speed.endurance --frames 100000 --size 64x48

A leak of one frame per call shows at any size. So small frames, a hundred thousand of them in minutes, prove as much as
large ones.
"""

import threading
import time
from collections.abc import Callable
from typing import Annotated, Any

import psutil  # type: ignore[import-untyped]
import typer
from nst_rt.contract import Frame
from nst_rt.live.capture import Capture, LiveFrame
from nst_rt.live.loop import LiveLoop
from nst_rt.stylizer.stylizer import Stylizer

from nst_bench.harness.documents import print_measured
from nst_bench.harness.workload import Case, Target, moving_frames

SHARES = (0.01, 0.1, 0.5, 1.0)
"""Of all frames, after which memory is read. By the first one, everything that is kept has been made."""
STYLE_EVERY = 250
"""Frames after which the style changes."""


def measure_memory(stylizer: Stylizer, case: Case, frames: int) -> dict[str, Any]:
    """Stylise `frames` frames, first by plain calls, then in a live loop.

    Returns:
        JSON-ready: sizes, `frames`, and for `calls` and for `live` the resident memory of the process in MB after each
        of `SHARES`, `grown_mb` from the first to the last, and that in `bytes_per_frame`.
    """
    return {
        "width": case.width,
        "height": case.height,
        "frames": frames,
        "calls": _through_calls(stylizer, case, frames),
        "live": _through_live_loop(stylizer, case, frames),
    }


class _MemoryReadings:
    """Resident memory, read after the shares of a run."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._due = {max(1, round(share * frames)): f"{share:.0%}" for share in SHARES}
        self._read: dict[str, int] = {}
        self._process = psutil.Process()

    def after(self, count: int) -> None:
        if count in self._due:
            self._read[self._due[count]] = self._process.memory_info().rss

    def summary(self) -> dict[str, Any]:
        first, last = (self._read[f"{share:.0%}"] for share in (SHARES[0], SHARES[-1]))
        between = self._frames - max(1, round(SHARES[0] * self._frames))
        return {
            "rss_mb": {share: round(held / 2**20, 2) for share, held in self._read.items()},
            "grown_mb": round((last - first) / 2**20, 2),
            "bytes_per_frame": round((last - first) / max(1, between), 1),
        }


class _DrawnSource:
    """A source that gives the next frame when the last one was shown, so that none is dropped."""

    live = False

    def __init__(self, case: Case, frames: int) -> None:
        self._images, self._left = moving_frames(case), frames
        self.shown = threading.Semaphore(1)

    def describe(self) -> dict[str, Any]:
        return {"name": "drawn frames", "width": None, "height": None, "fps": None}

    def read(self) -> LiveFrame | None:
        self.shown.acquire()
        if not self._left:
            return None
        self._left -= 1
        return LiveFrame(self._images[self._left % len(self._images)].copy(), time.monotonic())

    def close(self) -> None:
        pass


class _NoWindow:
    """In place of a window: everything is drawn for it, and nothing is shown."""

    def fit(self, image: Frame) -> Frame:
        return image

    def show(self, image: Frame) -> None:
        pass

    def key(self) -> str:
        return ""

    def toggle_full_screen(self) -> None:
        pass

    def close(self) -> None:
        pass


class _CountingCamera:
    """In place of a virtual camera: counts the frames."""

    def __init__(self, taken: Callable[[int], None]) -> None:
        self._taken, self._count = taken, 0

    def write(self, image: Frame) -> None:
        self._count += 1
        self._taken(self._count)

    def close(self) -> None:
        pass


def _through_calls(stylizer: Stylizer, case: Case, frames: int) -> dict[str, Any]:
    readings, images, styles = _MemoryReadings(frames), moving_frames(case), stylizer.styles
    for count in range(1, frames + 1):
        if styles and count % STYLE_EVERY == 0:
            stylizer.style = styles[count // STYLE_EVERY % len(styles)]
        stylizer(images[count % len(images)])
        readings.after(count)
    return readings.summary()


def _through_live_loop(stylizer: Stylizer, case: Case, frames: int) -> dict[str, Any]:
    readings, source = _MemoryReadings(frames), _DrawnSource(case, frames)

    def taken(count: int) -> None:
        readings.after(count)
        source.shown.release()

    def again() -> _DrawnSource:
        raise AssertionError("drawn frames are never lost")

    capture = Capture(source, again, typer.echo)
    LiveLoop(stylizer, capture, window=_NoWindow(), virtual_camera=_CountingCamera(taken), frames=frames).run()
    return readings.summary()


def main(
    frames: Annotated[int, typer.Option(min=100, help="In plain calls, and as many in the live loop.")] = 100_000,
    size: Annotated[str, typer.Option(metavar="WxH")] = "64x48",
    model: Annotated[str | None, typer.Option()] = None,
    device: Annotated[str, typer.Option()] = "auto",
    threads: Annotated[int | None, typer.Option(min=1)] = None,
) -> None:
    """Print resident memory over a long run as JSON."""

    def measure() -> dict[str, Any]:
        with Target(device, model=model, threads=threads).load() as stylizer:
            return measure_memory(stylizer, Case.parse(size), frames)

    print_measured(measure)


if __name__ == "__main__":
    typer.run(main)
