import json
import subprocess
import sys
from pathlib import Path

import pytest
from nst_bench.latency import DISTINCT_FRAMES, Case, measure, moving_frames
from nst_rt import Stylizer


def test_frames_differ_and_have_the_size() -> None:
    frames = moving_frames(Case(40, 24))
    assert len({frame.tobytes() for frame in frames}) == DISTINCT_FRAMES
    assert {frame.shape for frame in frames} == {(24, 40, 3)}
    assert moving_frames(Case(40, 24, batch=2))[0].shape == (2, 24, 40, 3)


def test_a_measurement_says_what_it_measured(inverting: Path) -> None:
    ticks: list[None] = []
    with Stylizer.load(inverting, device="cpu") as stylizer:
        result = measure(stylizer, Case(32, 16), frames=12, warm_up=3, progress=lambda: ticks.append(None))
        assert stylizer.clock is None
    assert len(ticks) == result["latency"]["count"] == 12
    assert (result["width"], result["height"], result["batch"], result["warm_up"]) == (32, 16, 1, 3)
    assert list(result["stages"]) == ["prepare", "run"]
    assert result["model"]["provider"] == "CPUExecutionProvider"
    latency = result["latency"]
    assert 0 < latency["min"] <= latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]
    # The stages are parts of the whole.
    assert result["stages"]["run"]["mean"] + result["stages"]["prepare"]["mean"] <= latency["mean"]
    assert result["frames_per_second"] == pytest.approx(1000 / latency["mean"], rel=0.5)


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
