"""Closed-loop latency: the next frame is handed over when the last one is back.

As in MLPerf's single-stream scenario (mlcommons/inference_policies, inference rules): one frame in flight, host bytes
in to host bytes out, warm-up apart, percentiles instead of a mean.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from nst_rt.contract import Frame
from nst_rt.engine.timing import LatencyStatistics, StageClock
from nst_rt.files.reading import file_sha256
from nst_rt.media.images.sample_image import landscape
from nst_rt.stylizer.stylizer import Stylizer

from nst_bench.harness.noise import noise_of_run

DISTINCT_FRAMES = 8
"""Frames that are cycled through, so that nothing can be served from a cache of the last one."""


@dataclass(frozen=True)
class Case:
    """One size to measure, in pixels."""

    width: int
    height: int
    batch: int = 1

    def __str__(self) -> str:
        return f"{self.width}x{self.height}" + (f" x{self.batch}" if self.batch > 1 else "")


def moving_frames(case: Case) -> list[Frame]:
    """Frames (H, W, 3), or batches (N, H, W, 3), of an image that moves; uint8 BGR."""
    wide = landscape(768, 512)
    image = cv2.resize(wide, (case.width, case.height), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    frames = [np.roll(image, 5 * index, axis=1) for index in range(DISTINCT_FRAMES)]
    return [np.stack([frame] * case.batch) for frame in frames] if case.batch > 1 else frames


def measure(
    stylizer: Stylizer,
    case: Case,
    *,
    frames: int,
    warm_up: int,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Time `frames` calls after `warm_up` untimed ones.

    Returns:
        JSON-ready: `first_call_ms` (opening the session and the first frame), `latency` (milliseconds: mean, p50, p90,
        p95, p99, min, max), `noise` (see `nst_bench.harness.noise`), `stages` (the latency per stage),
        `frames_per_second`, `model` (what really ran).
    """
    images = moving_frames(case)
    started = time.perf_counter()
    stylizer(images[0])
    first_call = time.perf_counter() - started
    for index in range(warm_up):
        stylizer(images[index % len(images)])
    total, stages, in_order = LatencyStatistics(), dict[str, LatencyStatistics](), list[float]()
    clock = stylizer.clock = StageClock()
    begun = time.perf_counter()
    for index in range(frames):
        frame = images[index % len(images)]
        before = time.perf_counter()
        stylizer(frame)
        in_order.append(time.perf_counter() - before)
        total.add(in_order[-1])
        for stage, seconds in clock.seconds.items():
            stages.setdefault(stage, LatencyStatistics()).add(seconds)
        progress()
    elapsed = time.perf_counter() - begun
    stylizer.clock = None
    return {
        "width": case.width,
        "height": case.height,
        "batch": case.batch,
        "frames": frames,
        "warm_up": warm_up,
        "first_call_ms": round(first_call * 1e3, 3),
        "latency": total.milliseconds(),
        "noise": noise_of_run(in_order),
        "stages": {stage: statistics.milliseconds() for stage, statistics in stages.items()},
        "frames_per_second": round(frames * case.batch / elapsed, 2),
        "model": _what_ran(stylizer),
    }


def _what_ran(stylizer: Stylizer) -> dict[str, Any]:
    """The stylizer's own account, with the model's hash in place of a path that means nothing elsewhere."""
    told = stylizer.describe()
    path = Path(told.pop("path"))
    return {**told, "file": path.name, "sha256": file_sha256(path)}
