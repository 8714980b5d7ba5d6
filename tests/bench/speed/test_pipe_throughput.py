"""The pipe and the model alone: what is measured, and what is reported if nothing can be."""

import shutil
from pathlib import Path

import pytest
from nst_bench.harness.workload import Case, Target
from nst_bench.speed.pipe_throughput import LEAST_FRAMES, main, measure_pipe
from nst_rt.errors import DependencyError, NstError
from typer import Typer
from typer.testing import CliRunner

SMALL = Case(64, 48)
FFMPEG = """#!/bin/sh
case "$*" in
*lavfi*) for last; do :; done; : > "$last" ;;  # writes the video
*null*) {sink} ;;
esac
"""
"""A program in place of ffmpeg that reads and writes nothing."""


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg: apt-get install ffmpeg")
def test_pipe_and_model_are_measured_in_turns(inverting: Path) -> None:
    measured = measure_pipe(SMALL, 0.02, Target("cpu", "fp32", inverting, 1), rounds=1)
    (turn,) = measured["rounds"]
    assert (measured["width"], measured["height"]) == (64, 48)
    assert measured["frames"] >= LEAST_FRAMES
    assert (measured["device"], measured["precision"]) == ("cpu", "fp32")
    assert turn["alone"] > 0
    assert turn["pipe"] > 0
    assert measured["ratio"] == round(turn["pipe"] / turn["alone"], 4)
    assert measured["noise"] is None  # one round shows no noise


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a program named ffmpeg, first in the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder / "ffmpeg"


def test_a_pipe_that_fails_is_reported_with_its_last_line(inverting: Path, ffmpeg: Path) -> None:
    ffmpeg.write_text(FFMPEG.format(sink=":"))
    ffmpeg.chmod(0o755)
    with pytest.raises(NstError, match=r"nst-rt pipe did not take all \d+ frames: .+ To see more: ffmpeg -i VIDEO"):
        measure_pipe(SMALL, 0.02, Target("cpu", "fp32", inverting, 1), rounds=1)


def test_a_pipe_that_takes_too_long(inverting: Path, ffmpeg: Path) -> None:
    ffmpeg.write_text(FFMPEG.format(sink="sleep 60"))
    ffmpeg.chmod(0o755)
    with pytest.raises(NstError, match=r"not done with \d+ frames in 0\.2 s\. To see how far it gets: ffmpeg"):
        measure_pipe(SMALL, 0.02, Target("cpu", "fp32", inverting, 1), rounds=1, timeout=0.2)


def test_without_ffmpeg(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DependencyError, match="apt install ffmpeg"):
        measure_pipe(SMALL, 0.02, Target(model=inverting))


def test_the_command_reports_errors_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Typer()
    app.command()(main)
    done = CliRunner().invoke(app, ["--size", "1280"])
    assert done.exit_code == 2
    assert "'1280' is not WIDTHxHEIGHT" in done.stderr
    monkeypatch.setenv("PATH", "")
    done = CliRunner().invoke(app, ["--size", "64x48"])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: the pipe is measured between two processes of ffmpeg")
