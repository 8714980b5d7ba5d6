"""Contenders in turns, so that whatever disturbs the machine disturbs all of them alike."""

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

from nst_bench.harness.latency import Case, moving_frames
from nst_bench.harness.noise import relative_noise
from nst_bench.speed.contender import Contender

ROUNDS = 8
LEAST_CALLS = 3
WARM_UP = 2


@dataclass
class _Turns:
    """What one contender has done so far."""

    contender: Contender
    total: LatencyStatistics = field(default_factory=LatencyStatistics)
    medians: list[float] = field(default_factory=list)
    spent: float = 0.0


def take_turns(
    contenders: Sequence[Contender], case: Case, seconds: float, *, say: Callable[[str], None] = lambda _: None
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Measure contenders at one size, closed loop, host bytes to host bytes.

    Each has an equal share of `seconds`, spent in `ROUNDS` turns; one whose single call is longer than a turn sits
    out until its share has caught up. Everyone is called at least `LEAST_CALLS` times. One that fails, in whatever
    way Python can see, is left out and told.

    Returns:
        Results, JSON-ready: `name`, `network`, `prepare_ms`, `latency` (milliseconds), `frames_per_second` (of the
        median), `noise` (see `relative_noise`), `agreement_db` (PSNR to the image of the first contender that runs
        the same network); and those left out: `name`, `reason`.
    """
    frames = moving_frames(case)
    results, skipped = list[dict[str, Any]](), list[dict[str, str]]()
    racing: list[_Turns] = []
    prepared: dict[str, float] = {}
    images: dict[str, Frame] = {}
    for contender in contenders:
        say(f"{contender.name}: prepares")
        try:
            if reason := contender.available():
                skipped.append({"name": contender.name, "reason": reason})
                continue
            begun = time.perf_counter()
            contender.prepare(case)
            prepared[contender.name] = time.perf_counter() - begun
            for index in range(WARM_UP):
                images[contender.name] = contender.call(frames[index % len(frames)])
            racing.append(_Turns(contender))
        except Exception as error:  # whatever a peer throws is its own affair
            skipped.append({"name": contender.name, "reason": _told(error)})
            _close(contender)
    share = seconds / max(1, len(racing))
    for turn in range(ROUNDS):
        say(f"round {turn + 1} of {ROUNDS}")
        for entry in list(racing):
            try:
                _one_turn(entry, frames, allowed=share * (turn + 1) / ROUNDS, last=turn == ROUNDS - 1)
            except Exception as error:
                skipped.append({"name": entry.contender.name, "reason": _told(error)})
                racing.remove(entry)
                _close(entry.contender)
    first: dict[str, Frame] = {}
    for entry in racing:
        first.setdefault(entry.contender.network, images[entry.contender.name])
    for entry in racing:
        _close(entry.contender)
        name, latency = entry.contender.name, entry.total.milliseconds()
        results.append(
            {
                "name": name,
                "network": entry.contender.network,
                "prepare_ms": round(prepared[name] * 1e3, 3),
                "latency": latency,
                "frames_per_second": round(1e3 / latency["p50"], 2) if latency["p50"] else 0.0,
                "noise": relative_noise(entry.medians),
                "agreement_db": _agreement(first[entry.contender.network], images[name]),
            }
        )
    return results, skipped


def _one_turn(entry: _Turns, frames: list[Frame], *, allowed: float, last: bool) -> None:
    times: list[float] = []
    while entry.spent < allowed or (last and entry.total.count < LEAST_CALLS):
        frame = frames[entry.total.count % len(frames)]
        before = time.perf_counter()
        entry.contender.call(frame)
        seconds = time.perf_counter() - before
        entry.total.add(seconds)
        entry.spent += seconds
        times.append(seconds)
    if times:
        entry.medians.append(statistics.median(times))


def _agreement(first: Frame, second: Frame) -> float | None:
    """Decibels; None where the images are equal."""
    decibels = psnr(first, second)
    return round(decibels, 1) if math.isfinite(decibels) else None


def _close(contender: Contender) -> None:
    try:
        contender.close()
    except Exception:
        return


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error)}"[:300]
