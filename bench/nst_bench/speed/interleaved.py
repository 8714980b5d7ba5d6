"""Backends measured in interleaved rounds: whatever disturbs the machine disturbs all of them alike."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nst_export.parity.parity import psnr
from nst_rt.contract import Frame
from nst_rt.engine.session import first_line
from nst_rt.engine.timing import LatencyStatistics

from nst_bench.harness.noise import relative_noise
from nst_bench.harness.workload import Case, moving_frames
from nst_bench.speed.backend import Backend

ROUNDS = 8
LEAST_CALLS = 3
WARM_UP = 2


@dataclass
class _Measured:
    """One backend, and its calls so far."""

    backend: Backend
    prepare_seconds: float
    image: Frame
    """Of the last frame of the warm-up, which is the same for all."""
    total: LatencyStatistics = field(default_factory=LatencyStatistics)
    medians: list[float] = field(default_factory=list)
    spent: float = 0.0


class InterleavedRun:
    """Measures backends at one size, closed loop, host bytes in to host bytes out.

    Each has an equal share of the time, spent in `ROUNDS` rounds; one whose single call is longer than its part of a
    round skips rounds until its share has caught up. Every backend is called at least `LEAST_CALLS` times. One that
    fails, in whatever way Python can catch, is left out and reported.

    Args:
        seconds: for the calls of all backends together.
        say: called with a few words on what is done.
    """

    def __init__(self, case: Case, seconds: float, say: Callable[[str], None] = lambda line: None) -> None:
        self._case, self._seconds, self._say = case, seconds, say
        self._frames = moving_frames(case)
        self._running: list[_Measured] = []
        self.skipped: list[dict[str, str]] = []
        """The backends that were left out: `name`, `reason`."""

    def measure(self, backends: Sequence[Backend]) -> list[dict[str, Any]]:
        """Measure them.

        Returns:
            One entry per backend, JSON-ready: `name`, `network`, `prepare_ms`, `latency` (milliseconds),
            `frames_per_second` (of the median), `noise` (see `relative_noise`), `agreement_db` (PSNR to the image of
            the first backend that runs the same network; None if the images are equal).
        """
        for backend in backends:
            self._prepare(backend)
        share = self._seconds / max(1, len(self._running))
        for round_number in range(1, ROUNDS + 1):
            self._say(f"round {round_number} of {ROUNDS}")
            for measured in list(self._running):
                self._round(measured, allowed=share * round_number / ROUNDS, last=round_number == ROUNDS)
        first: dict[str, Frame] = {}
        for measured in self._running:
            first.setdefault(measured.backend.network, measured.image)
            _close(measured.backend)
        return [_summary(measured, first[measured.backend.network]) for measured in self._running]

    def _prepare(self, backend: Backend) -> None:
        self._say(f"{backend.name}: prepares")
        try:
            if reason := backend.unavailable():
                self.skipped.append({"name": backend.name, "reason": reason})
                return
            begun = time.perf_counter()
            backend.prepare(self._case)
            seconds = time.perf_counter() - begun
            for index in range(WARM_UP):
                image = backend.call(self._frames[index % len(self._frames)])
            self._running.append(_Measured(backend, seconds, image))
        except Exception as error:  # a peer may raise anything
            self._skip(backend, error)

    def _round(self, measured: _Measured, *, allowed: float, last: bool) -> None:
        times: list[float] = []
        try:
            while measured.spent < allowed or (last and measured.total.count < LEAST_CALLS):
                frame = self._frames[measured.total.count % len(self._frames)]
                before = time.perf_counter()
                measured.backend.call(frame)
                seconds = time.perf_counter() - before
                measured.total.add(seconds)
                measured.spent += seconds
                times.append(seconds)
        except Exception as error:  # as above
            self._running.remove(measured)
            self._skip(measured.backend, error)
            return
        if times:
            measured.medians.append(statistics.median(times))

    def _skip(self, backend: Backend, error: Exception) -> None:
        self.skipped.append({"name": backend.name, "reason": f"{type(error).__name__}: {first_line(error)}"[:300]})
        _close(backend)


def _summary(measured: _Measured, first: Frame) -> dict[str, Any]:
    latency, decibels = measured.total.milliseconds(), psnr(first, measured.image)
    return {
        "name": measured.backend.name,
        "network": measured.backend.network,
        "prepare_ms": round(measured.prepare_seconds * 1e3, 3),
        "latency": latency,
        "frames_per_second": round(1e3 / latency["p50"], 2) if latency["p50"] else 0.0,
        "noise": relative_noise(measured.medians),
        "agreement_db": round(decibels, 1) if math.isfinite(decibels) else None,
    }


def _close(backend: Backend) -> None:
    try:
        backend.close()
    except Exception:  # as above; its results are complete, or it is reported already
        return
