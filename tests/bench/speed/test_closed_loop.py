import itertools
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nst_bench.harness.latency
import nst_rt.engine.timing
import pytest
from nst_bench.harness.latency import DISTINCT_FRAMES, Case, measure, moving_frames
from nst_rt import Stylizer


def test_frames_differ_and_have_the_size() -> None:
    frames = moving_frames(Case(40, 24))
    assert len({frame.tobytes() for frame in frames}) == DISTINCT_FRAMES
    assert {frame.shape for frame in frames} == {(24, 40, 3)}
    assert moving_frames(Case(40, 24, batch=2))[0].shape == (2, 24, 40, 3)


def test_a_measurement_says_what_it_measured(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    milliseconds = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: next(milliseconds) / 1000)  # every look at it takes a millisecond
    monkeypatch.setattr(nst_bench.harness.latency, "time", clock)
    monkeypatch.setattr(nst_rt.engine.timing, "time", clock)
    ticks: list[None] = []
    with Stylizer.load(inverting, device="cpu") as stylizer:
        result = measure(stylizer, Case(32, 16, batch=2), frames=12, warm_up=3, progress=lambda: ticks.append(None))
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


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from nst_rt.cli import main; main()", "bench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_writes_json_with_the_machine(inverting: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    arguments = ["--style", inverting, "--size", "32x16", "--size", "48x32", "--frames", "4", "--json", "-o", out]
    done = bench(*arguments)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads(out.read_text())
    assert [result["width"] for result in report["results"]] == [32, 48]
    assert report["machine"]["packages"]["numpy"]
    assert report["machine"]["processor"]


@pytest.mark.parametrize("size", ["640", "640x8", "axb"])
def test_a_bad_size_is_a_usage_error(inverting: Path, size: str) -> None:
    done = bench("--style", inverting, "--size", size)
    assert done.returncode == 2
    assert "is not WIDTHxHEIGHT" in " ".join(done.stderr.split())
