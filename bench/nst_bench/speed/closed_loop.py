"""Closed-loop latency: the next frame is handed over when the last one is back.

As in the single-stream scenario of MLPerf (mlcommons/inference_policies, inference rules): one frame in flight, host
bytes in to host bytes out, a separate warm-up, percentiles instead of a mean.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nst_rt.engine.timing import LatencyStatistics, StageClock
from nst_rt.files.reading import file_sha256
from nst_rt.models.catalog import resolve_style_and_model
from nst_rt.stylizer.stylizer import Stylizer

from nst_bench.harness.machine import describe_machine
from nst_bench.harness.noise import noise_of_run
from nst_bench.harness.workload import Case, Target, moving_frames

SIZES = ("640x480", "1280x720")


@dataclass(frozen=True, kw_only=True)
class LatencyOptions:
    """What `measure_latencies` measures: one style at one or several sizes."""

    style: str | None = None
    """As for `Stylizer.load`, like the next three; a model file stands for that model in its own style."""
    strength: float = 1.0
    color: float = 1.0
    stroke_size: float = 1.0
    target: Target = field(default_factory=Target)
    sizes: Sequence[str] = SIZES
    """Each as WIDTHxHEIGHT."""
    frames: int = 100
    """How many are timed at each size."""
    warm_up: int = 10
    """Frames before them that are not timed."""
    batch: int = 1
    """Frames per call."""


def measure_latencies(options: LatencyOptions, progress: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Measure the latency of a style at one or several sizes: what `nst-rt bench` does without a suite.

    Args:
        progress: called after every frame that is timed.

    Returns:
        The report, JSON-ready: `machine`, and `results` with one entry per size (see `measure_latency`).

    Raises:
        InputError: a size has another form than WIDTHxHEIGHT.
        ModelError, StyleError, DeviceError: as from `Stylizer.load`.

    Examples:
        >>> options = LatencyOptions(style="gogh", sizes=["640x480"], frames=20)
        >>> measure_latencies(options)["results"][0]["latency"]["p50"]  # doctest: +SKIP
        13.1
    """
    cases = [Case.parse(size, options.batch) for size in options.sizes]
    style, model = resolve_style_and_model(options.style, options.target.model)
    with replace(options.target, model=model).load(
        style=style, strength=options.strength, color=options.color, stroke_size=options.stroke_size
    ) as stylizer:
        results = [
            measure_latency(stylizer, case, frames=options.frames, warm_up=options.warm_up, progress=progress)
            for case in cases
        ]
    return {"machine": describe_machine(), "results": results}


def measure_latency(
    stylizer: Stylizer,
    case: Case,
    *,
    frames: int,
    warm_up: int,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Time `frames` calls after `warm_up` calls that are not timed.

    Returns:
        JSON-ready: `first_call_ms` (opening the session and the first frame), `latency` (milliseconds: mean, p50, p90,
        p95, p99, min, max), `noise` (see `nst_bench.harness.noise`), `stages` (the latency of each stage),
        `frames_per_second`, `model` (what really ran).
    """
    images = moving_frames(case)
    begun = time.perf_counter()
    stylizer(images[0])
    first_call = time.perf_counter() - begun
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
        "model": _described(stylizer),
    }


def _described(stylizer: Stylizer) -> dict[str, Any]:
    """The stylizer's description, with the model's hash in place of a path that means nothing on other machines."""
    described = stylizer.describe()
    path = Path(described.pop("path"))
    return {**described, "file": path.name, "sha256": file_sha256(path)}
