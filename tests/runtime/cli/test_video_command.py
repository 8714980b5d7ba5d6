"""`nst-rt video` from the outside, with a stylizer that makes negatives."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import negative_stylizer
import nst_rt.stylizer.stylizer
import numpy as np
import pytest
from folder_content import names_in
from full_disk import full_disk
from numpy.typing import NDArray
from video_files import audio_packets, frames_of, make_video, scene, with_display_matrix


class Negatives(negative_stylizer.Negatives):
    """Counts its calls."""

    calls = 0

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        type(self).calls += 1
        return super().__call__(frame)


@pytest.fixture(autouse=True, params=[1, 3])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Frames in flight: everything holds for one as for several."""
    monkeypatch.setattr(Negatives, "at_once", request.param)
    return int(request.param)


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The arguments that Stylizer.load was called with."""
    monkeypatch.setattr(Negatives, "calls", 0)
    monkeypatch.chdir(tmp_path)
    return negative_stylizer.load_in_place(monkeypatch, Negatives)


@pytest.fixture
def run(command_line: Any) -> Any:
    def call(*arguments: str | Path) -> Any:
        told = command_line("video", *arguments)
        assert [name for name in thread_names() if name.startswith(("read", "work", "deliver"))] == []
        return told

    return call


def thread_names() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def names() -> list[str]:
    return names_in(Path())


def test_a_video_beside_itself(run: Any) -> None:
    source = make_video(Path("video.mov"), 30, rate=Fraction(30000, 1001), audio="aac")
    told = run(source)
    assert (told.code, told.out) == (0, "")
    assert names() == ["video.gogh.mp4", "video.mov"]
    before, after = frames_of(source), frames_of(Path("video.gogh.mp4"))
    assert [time for time, _ in before] == [time for time, _ in after]
    for (_, one), (_, other) in zip(before, after, strict=True):
        assert np.abs(one.astype(int) + other - 255).mean() < 4
    assert [data for _, data in audio_packets(source)] == [data for _, data in audio_packets(Path("video.gogh.mp4"))]
    assert "30 frames" in told.err


def test_options_reach_the_stylizer(run: Any, loaded: dict[str, Any]) -> None:
    make_video(Path("video.mp4"), 2)
    line = "video.mp4 -o out.mkv -s wave -m net --strength 0.5 --color 0 -d cpu --precision fp32 --threads 3"
    line += " --in-flight 2 --stroke-size 1.5"
    assert run(*line.split(), "--crf", "30", "--preset", "ultrafast").code == 0
    assert loaded == {
        "style": "wave",
        "model": "net",
        "strength": 0.5,
        "color": 0.0,
        "stroke_size": 1.5,
        "device": "cpu",
        "precision": "fp32",
        "threads": 3,
        "frames": None,
        "in_flight": 2,
    }


def test_the_summary(run: Any, at_once: int) -> None:
    make_video(Path("video.mkv"), [scene(n, 49, 64) for n in range(10)], codec="mpeg4", audio="mp2")
    told = run("video.mkv", "-o", "out.mp4", "--json")
    assert told.code == 0
    report = json.loads(told.out)
    assert report["frames"] == Negatives.calls == 10
    assert (report["output"], report["width"], report["height"]) == ("out.mp4", 64, 49)
    assert report["average_rate"] == "25"
    assert report["duration"] == pytest.approx(0.4, abs=0.001)
    assert report["fps"] > 0
    assert report["in_flight"] == at_once
    assert report["audio"] == [{"source": "mp2", "written": "aac"}]
    assert len(report["notices"]) == 2
    assert report["warning"] is None
    assert report["stylizer"]["model"] == "negatives"
    assert told.err.count("note: ") == 2


def test_size_and_no_audio_and_upright(run: Any) -> None:
    video = with_display_matrix(make_video(Path("video.mp4"), 3, audio="aac"), 0, 1, -1, 0)
    assert run(video, "-o", "out.mp4", "--size", "32", "--no-audio").code == 0
    (_, pixels), *_ = frames_of(Path("out.mp4"))
    assert pixels.shape == (32, 24, 3)
    with pytest.raises(IndexError):
        audio_packets(Path("out.mp4"))


def test_a_part_of_a_video(run: Any) -> None:
    make_video(Path("video.mp4"), 100, audio="aac")
    told = run("video.mp4", "--start", "0:02", "--duration", "480ms", "--json")
    assert told.code == 0, told.err
    report = json.loads(told.out)
    assert (report["frames"], report["start"], report["duration"]) == (12, 2, 0.48)
    assert names() == ["video.gogh.start-2.duration-0.48.mp4", "video.mp4"]
    target = Path("video.gogh.start-2.duration-0.48.mp4")
    for (_, one), (_, other) in zip(frames_of(Path("video.mp4"))[50:], frames_of(target), strict=False):
        assert np.abs(one.astype(int) + other - 255).mean() < 4
    assert len(frames_of(target)) == 12
    assert 0.4 < audio_packets(target)[-1][0] < 0.48


@pytest.mark.parametrize("option", ["--start", "--duration"])
def test_times_that_are_none(option: str, run: Any) -> None:
    make_video(Path("video.mp4"), 2)
    told = run("video.mp4", option, "1:75")
    assert (told.code, names()) == (2, ["video.mp4"])
    assert "'1:75' is no time; 5s, 500ms, 1m20s, 00:01:20 and 5.5 are" in " ".join(told.err.replace("│", " ").split())


def test_existing_videos_are_kept_unless_told_otherwise(run: Any) -> None:
    make_video(Path("video.mp4"), 3)
    Path("out.mp4").write_bytes(b"precious")
    told = run("video.mp4", "-o", "out.mp4")
    assert (told.code, Path("out.mp4").read_bytes()) == (2, b"precious")
    assert "--overwrite" in told.err
    assert run("video.mp4", "-o", "out.mp4", "--overwrite").code == 0
    assert np.abs(frames_of(Path("out.mp4"))[0][1].astype(int) + scene(0) - 255).mean() < 4


@pytest.mark.parametrize("more", [[], ["--overwrite"]])
def test_the_video_itself_is_never_replaced(run: Any, more: list[str]) -> None:
    before = make_video(Path("video.mp4"), 3).read_bytes()
    Path("same.mp4").symlink_to("video.mp4")
    Path("sub").mkdir()
    for video, output in (("video.mp4", "video.mp4"), ("video.mp4", "sub/../same.mp4"), ("same.mp4", "./video.mp4")):
        told = run(video, "-o", output, *more)
        assert (told.code, Path("video.mp4").read_bytes()) == (2, before)
        assert f"{Path(output)}: is the input itself" in told.err
    assert names() == ["same.mp4", "sub", "video.mp4"]


def test_several_styles_are_refused(run: Any) -> None:
    make_video(Path("video.mp4"), 3)
    told = run("video.mp4", "--style", "gogh", "-s", "wave")
    assert (told.code, names()) == (2, ["video.mp4"])
    assert "2 styles (gogh, wave), and this command works in one" in told.err
    assert "gogh:0.5+wave:0.5" in told.err
    assert run("video.mp4", "--style", "gogh", "-s", "gogh").code == 0


def test_an_address_is_shown_as_it_was_typed(run: Any) -> None:
    told = run("https://example.com/a.mp4")
    assert told.code == 2
    assert told.err.startswith("nst-rt: error: https://example.com/a.mp4: an address, and files are read here")


def test_a_cut_video_is_kept_and_told(run: Any) -> None:
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(60)]
    video = make_video(Path("video.mp4"), images, audio="aac", container_options={"movflags": "+faststart"})
    video.write_bytes(video.read_bytes()[: video.stat().st_size * 6 // 10])
    told = run("video.mp4", "-o", "out.mp4", "--json")
    assert told.code == 1
    report = json.loads(told.out)
    assert "cut short" in report["warning"]
    assert "cut short" in told.err
    frames = frames_of(Path("out.mp4"))
    assert 10 < len(frames) == report["frames"] < 60
    assert audio_packets(Path("out.mp4"))[-1][0] <= frames[-1][0] + Fraction(1, 25)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("missing.mp4", "no such file"),
        (".", "folder"),
        ("empty.mp4", "empty"),
        ("text.mp4", "not a video"),
        ("video.mp4 -o out.webm", "cannot write .webm"),
        ("video.mp4 -o out", "without suffix"),
        ("video.mp4 -o no/out.mp4", "Make it first"),
        ("video.mp4 -o out.mp4 --preset quick", "preset 'quick'"),
        ("video.mp4 -o out.mp4 --size 16", "Choose a larger size"),
        ("video.mp4 -o " + "x" * 300 + ".mp4", "too long"),
        ("x" * 300 + ".mp4", "cannot be read"),
        ("video.mp4 --start 1m", "ends at 0.08 s, and the part of it would begin at 60 s. Begin earlier"),
        ("video.mp4 --duration 0", "Give a longer duration"),
    ],
)
def test_lines_that_make_no_sense(arguments: str, words: str, run: Any) -> None:
    make_video(Path("video.mp4"), 2)
    Path("empty.mp4").touch()
    Path("text.mp4").write_text("no video")
    before = names()
    run(*arguments.split()).assert_refused(words)
    assert names() == before


def test_ctrl_c_stops_at_once_and_leaves_nothing(run: Any, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    make_video(Path("video.mp4"), 100, audio="aac")
    calls = itertools.count(1)  # counted once each, whatever threads they come from: a second signal is another test

    def interrupt(self: Negatives, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        call = next(calls)
        if call == 50:
            signal.raise_signal(signal.SIGINT)
        if call >= 50:
            time.sleep(0.1)  # as long as the main thread may take to hear of it
        return frame

    monkeypatch.setattr(Negatives, "__call__", interrupt)
    assert run("video.mp4", "-o", "out.mp4").code == 130
    assert names() == ["video.mp4"]
    assert 50 < next(calls) <= 50 + 3 * at_once


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_kill_does_the_same(name: str, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_video(Path("video.mp4"), 20)

    def interrupt(*_: object) -> None:
        signal.raise_signal(getattr(signal, name))

    before = signal.getsignal(getattr(signal, name))
    monkeypatch.setattr(Negatives, "__call__", interrupt)
    assert run("video.mp4", "-o", "out.mp4").code == 130
    assert names() == ["video.mp4"]
    assert signal.getsignal(getattr(signal, name)) == before


def test_an_error_of_the_network_leaves_nothing(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_video(Path("video.mp4"), 20)

    def fail(*_: object) -> None:
        raise nst_rt.DeviceError("the device went away. Plug it in")

    monkeypatch.setattr(Negatives, "__call__", fail)
    told = run("video.mp4", "-o", "out.mp4")
    assert (told.code, names()) == (2, ["video.mp4"])
    assert "Plug it in" in told.err


def test_a_disk_that_fills_up_while_writing(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_video(Path("video.mp4"), 200)
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (48, 64, 3), np.uint8)
    monkeypatch.setattr(Negatives, "__call__", lambda self, frame: np.roll(noise, int(random.integers(4000))))
    with full_disk(100_000):
        told = run("video.mp4", "-o", "out.mp4", "--crf", "0")
    assert told.code == 2
    assert "nothing was kept" in told.err
    assert names() == ["video.mp4"]


def test_the_bar_shows_on_a_terminal_only(tmp_path: Path) -> None:
    code = """
import sys
from nst_rt.cli.progress import progress_bar
sys.stderr.isatty = lambda: True
with progress_bar(3, "frames") as advance:
    for _ in range(3):
        advance()
"""
    environment = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm"}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert "3/3" in told.stderr
    assert "frames" in told.stderr
    assert told.stdout == ""
    code = code.replace("sys.stderr.isatty = lambda: True", "")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr == ""
