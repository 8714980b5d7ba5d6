"""The pipe against the model alone: what is measured, and what is said where nothing can be."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import nst_bench.speed.pipe_throughput as measured
import nst_bench.speed.suite
import pytest
from nst_bench.harness.latency import Case
from nst_bench.speed.entries import entries
from nst_bench.speed.pipe_throughput import measure_pipe
from nst_bench.speed.speed_report import markdown
from nst_bench.speed.suite import SUITES, SuiteRun
from nst_rt.errors import DependencyError, NstError
from typer import Typer
from typer.testing import CliRunner

SMALL = Case(64, 48)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg: apt-get install ffmpeg")
class TestWithFfmpeg:
    @pytest.fixture(autouse=True)
    def short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(measured, "ROUNDS", 1)
        monkeypatch.setattr(measured, "_seconds_each", lambda *_: 1.0)

    def test_both_roads_are_measured_in_turns(self, inverting: Path) -> None:
        told = measure_pipe(SMALL, 0.02, threads=1, model=str(inverting), device="cpu", precision="fp32")
        (turn,) = told["rounds"]
        assert (told["width"], told["height"], told["frames"]) == (64, 48, measured.LEAST_FRAMES)
        assert (told["device"], told["precision"]) == ("cpu", "fp32")
        assert turn["alone"] > 0
        assert turn["pipe"] > 0
        assert told["ratio"] == round(turn["pipe"] / turn["alone"], 4)
        assert told["noise"] is None  # of one round nothing is known

    def test_a_pipe_that_fails_is_told_with_its_last_line(self, inverting: Path, tmp_path: Path) -> None:
        video = tmp_path / "video.mkv"
        frames = measured._make_video(video, SMALL, 5)
        line = measured._command_line(1, {"model": inverting, "device": "nowhere", "precision": None})
        assert line[3:] == ["pipe", "--threads", "1", "--model", str(inverting), "--device", "nowhere"]
        with pytest.raises(NstError, match=r"did not take all 12 frames: nst-rt: .*unknown device 'nowhere'.*\. To"):
            measured._through_pipe(line, video, frames)

    def test_a_pipe_that_says_much_is_heard_out(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(measured, "TIMEOUT", 20.0)
        video = tmp_path / "video.mkv"
        measured._make_video(video, SMALL, 5)
        says = r"import sys; sys.stderr.write('word ' * 50_000 + '\n12 frames in 2 s, 6.0 frames/s')"
        assert measured._through_pipe([sys.executable, "-c", says], video, 12) == 6.0

    def test_a_pipe_that_takes_too_long(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(measured, "TIMEOUT", 0.2)
        video = tmp_path / "video.mkv"
        measured._make_video(video, SMALL, 5)
        with pytest.raises(NstError, match=r"not done with 12 frames in 0\.2 s\. To see where it stands: ffmpeg"):
            measured._through_pipe([sys.executable, "-c", "import time; time.sleep(60)"], video, 12)


def test_without_ffmpeg(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DependencyError, match="apt install ffmpeg"):
        measure_pipe(SMALL, 0.02, model=str(inverting))


def test_what_is_typed_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Typer()
    app.command()(measured.main)
    done = CliRunner().invoke(app, ["--size", "1280"])
    assert done.exit_code == 2
    assert "'1280' is no size" in done.stderr
    monkeypatch.setenv("PATH", "")
    done = CliRunner().invoke(app, ["--size", "64x48"])
    assert done.exit_code == 2
    assert done.stderr.startswith("nst-rt: error: the pipe is measured between two ffmpeg")


def test_the_full_suite_holds_it_and_the_report_shows_it(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert SUITES["full"].pipes == (Case(1280, 720),)
    told = {"width": 64, "height": 48, "device": "cpu", "precision": "fp32"}
    told |= {"alone": 20.0, "pipe": 19.0, "ratio": 0.95, "noise": 0.01}
    monkeypatch.setattr(nst_bench.speed.suite, "measure_pipe", lambda *_, **__: told)
    monkeypatch.setattr(nst_bench.speed.suite, "measure_limits", lambda _: {})
    monkeypatch.setattr(nst_bench.speed.suite, "measure_cold_starts", lambda *_, **__: [])
    plan = replace(SUITES["full"], sizes=(), races=(), throughput=(), memory=(), videos=(), pipes=(SMALL,))
    report = SuiteRun("test", plan, model=inverting, devices=[("cpu", "fp32")]).run()
    assert report["pipe"] == [told]
    assert "| cpu fp32 | 64x48 | 20.00 | 19.00 | 0.950 | ±1.0 % |" in markdown(report)
    entry = entries(report)["pipe: cpu fp32, 64x48"]
    assert (entry.value, entry.unit, entry.noise) == (19.0, "frames/s", 0.01)
