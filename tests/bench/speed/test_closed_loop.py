import itertools
import time
from pathlib import Path

import pytest
from nst_bench.harness.workload import Case, Target
from nst_bench.speed.closed_loop import LatencyOptions, measure_latencies, measure_latency
from nst_rt import Stylizer


def test_a_measurement_describes_what_it_measured(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    milliseconds = itertools.count()
    ticks: list[None] = []
    with Stylizer.load(model=inverting, device="cpu") as stylizer:
        # Every look at the clock takes a millisecond.
        monkeypatch.setattr(time, "perf_counter", lambda: next(milliseconds) / 1000)
        result = measure_latency(
            stylizer, Case(32, 16, batch=2), frames=12, warm_up=3, progress=lambda: ticks.append(None)
        )
        assert stylizer.clock is None
    assert len(ticks) == 12
    assert (result["width"], result["height"], result["batch"], result["warm_up"]) == (32, 16, 2, 3)
    assert result["model"]["provider"] == "CPUExecutionProvider"
    assert result["first_call_ms"] == 1
    # The looks: before, start, end of prepare, end of run, after.
    statistics = ("mean", "p50", "p90", "p95", "p99", "min", "max")
    assert result["latency"] == {"count": 12, **dict.fromkeys(statistics, 4.0)}
    each = {"count": 12, **dict.fromkeys(statistics, 1.0)}
    assert result["stages"] == {"prepare": each, "run": each}
    # Five looks a call, and the last one.
    assert result["frames_per_second"] == round(12 * 2 / 0.061, 2)


def test_from_python(inverting: Path) -> None:
    ticks: list[None] = []
    target = Target("cpu", model=inverting, threads=1)
    options = LatencyOptions(target=target, sizes=["32x16", "48x32"], frames=3, warm_up=0, batch=2)
    report = measure_latencies(options, lambda: ticks.append(None))
    assert [(one["width"], one["batch"], one["frames"]) for one in report["results"]] == [(32, 2, 3), (48, 2, 3)]
    assert len(ticks) == 6
    assert report["machine"]["processor"]
