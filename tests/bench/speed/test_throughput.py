from pathlib import Path
from typing import Any

import pytest
from nst_bench.harness.workload import Case, Target
from nst_bench.speed.throughput import measure_throughput
from nst_rt.errors import ModelError
from nst_rt.stylizer.stylizer import Stylizer

SMALL = Case(32, 16)


def test_frames_in_flight_are_counted_together(inverting: Path) -> None:
    found = measure_throughput(SMALL, 2, 0.0, Target("cpu", model=inverting, threads=1))
    # Each of the two does at least two.
    assert found["latency"]["count"] == 4
    assert (found["in_flight"], found["threads"], found["device"], found["precision"]) == (2, 1, "cpu", "fp32")


def test_every_session_is_open_before_the_clock_starts(
    inverting: Path, opened_sessions: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_calls: list[int] = []
    call = Stylizer.__call__

    def found(self: Stylizer, frame: Any) -> Any:
        at_calls.append(len(opened_sessions))
        return call(self, frame)

    monkeypatch.setattr(Stylizer, "__call__", found)
    measure_throughput(SMALL, 3, 0.0, Target("cpu", model=inverting, threads=3))
    assert at_calls == [3] * 6


def test_an_error_in_flight_is_raised(inverting: Path) -> None:
    with pytest.raises(ModelError):
        measure_throughput(SMALL, 1, 0.0, Target(model=inverting.with_name("none.onnx"), threads=1))
