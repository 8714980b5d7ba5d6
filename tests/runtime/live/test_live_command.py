"""`nst-rt webcam` as a process, without a window."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

import av
import cv2
import nst_rt.cli
import numpy as np
import pytest
from nst_rt.engine.session import Session
from nst_rt.live import source as opening
from nst_rt.live.capture import LiveFrame
from nst_rt.stylizer.stylizer import Stylizer
from tiny_models import name_styles


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", "from nst_rt.cli import main; main()", "webcam", "--no-window", *map(str, arguments)]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, timeout=120, env=environment
    )


def frames_in(path: Path) -> int:
    return int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT))


def test_json_is_all_that_stdout_gets(video: Path, inverting: Path, tmp_path: Path) -> None:
    done = run(
        "--source", video, "--model", inverting, "--frames", "10", "--json", "--record", tmp_path / "out.mp4"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["frames"] == 10
    assert summary["source"]["width"] == 96
    assert summary["recorded"] == [str(tmp_path / "out.mp4")]
    assert summary["stylizer"]["device"]
    assert frames_in(tmp_path / "out.mp4") == 10
    assert "96x64" in done.stderr


def with_audio(video: Path) -> Path:
    """The video with silence beside its images."""
    path = video.with_name("audio.mp4")
    with av.open(str(video)) as source, av.open(str(path), "w") as target:
        images = target.add_stream_from_template(source.streams.video[0])
        silence = target.add_stream("aac", rate=8000, layout="mono")
        for _ in range(8):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 8000
            target.mux(silence.encode(frame))
        target.mux(silence.encode(None))
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = images
                target.mux(packet)
    return path


def test_a_video_whose_audio_is_not_heard(video: Path, inverting: Path) -> None:
    arguments = ("--model", inverting, "--frames", "3", "--json")
    heard, silent = (run("--source", path, *arguments) for path in (with_audio(video), video))
    assert "its audio is neither played nor recorded; `nst-rt video` copies it" in heard.stderr
    assert "its audio" not in silent.stderr
    assert [json.loads(done.stdout)["source"]["audio"] for done in (heard, silent)] == [True, False]


def test_the_end_of_the_video_ends_the_run(video: Path, inverting: Path) -> None:
    done = run("--source", video, "--model", inverting)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "frames in" in done.stderr
    assert "p95" in done.stderr


def test_a_network_camera(mjpeg_camera: Any, inverting: Path) -> None:
    done = run("--source", mjpeg_camera.url, "--model", inverting, "--frames", "5", "--json", "--mirror")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] == 5
    assert "secret" not in done.stdout + done.stderr


def test_style_vectors(video: Path, tinting: Path, tmp_path: Path) -> None:
    name_styles(tinting)
    for style, tint in (("blue", (100, 0, 0)), ("blue:0.5+red:0.5", (50, 0, 50))):
        path = tmp_path / f"{style[:5]}.mp4"
        done = run(
            "--source", video, "--model", tinting, "--style", style, "--frames", "3", "--json", "--record", path
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["stylizer"]["style"] == style
        found, image = cv2.VideoCapture(str(path)).read()
        assert found
        blue, green, red = image.reshape(-1, 3).mean(axis=0)
        # Half of a grey image, and the tint: what H.264 keeps of it.
        assert abs(blue - green - tint[0]) < 6
        assert abs(red - green - tint[2]) < 6


def test_a_model_without_named_styles_asks_for_one(video: Path, tinting: Path) -> None:
    done = run("--source", video, "--model", tinting, "--frames", "3")
    assert done.returncode == 2
    assert "has no named styles" in done.stderr
    assert "--style" in done.stderr


def test_a_stroke_size_reaches_the_stylizer(video: Path, inverting: Path) -> None:
    done = run("--source", video, "--model", inverting, "--frames", "3", "--stroke-size", "9")
    assert done.returncode == 2
    assert "stroke size 9 is out of range" in done.stderr


def handles() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_hundreds_of_frames_through_a_real_session_take_no_more_memory(
    list_source: Any, image: Any, inverting: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images = (image(number % 200, 120, 160) for number in range(100_000))  # 57 600 bytes each
    monkeypatch.setattr(opening, "open_source", lambda *_, **__: list_source(images, pause=0.001))
    seen: dict[int, tuple[int, int]] = {}
    calls = 0
    real = Session.run

    def counting(session: Session, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls in (100, 400):
            gc.collect()
            seen[calls] = (tracemalloc.get_traced_memory()[0], handles())
        return real(session, *arguments)

    monkeypatch.setattr(Session, "run", counting)
    monkeypatch.setattr(
        sys, "argv", ["nst-rt", "webcam", "--no-window", "--model", str(inverting), "--frames", "450", "--json"]
    )
    tracemalloc.start()
    try:
        with pytest.raises(SystemExit) as stop:
            nst_rt.cli.main()
    finally:
        tracemalloc.stop()
    output, errors = capsys.readouterr()
    assert not stop.value.code, errors
    assert json.loads(output)["frames"] == 450
    # 300 frames that stayed would be 17 MB, 300 handles one each; the latencies kept are 20 KB.
    assert seen[400][0] - seen[100][0] < 500_000
    assert seen[400][1] <= seen[100][1] + 2


class Live:
    """A network camera that never waits: each image holds the number of the one before plus one."""

    live = True

    def __init__(self) -> None:
        self.read_so_far = 0
        self.closed = threading.Event()

    def describe(self) -> dict[str, Any]:
        return {"name": "live", "width": 64, "height": 48, "fps": None}

    def read(self) -> LiveFrame:
        time.sleep(0.001)
        self.read_so_far += 1
        return LiveFrame(np.full((48, 64, 3), min(self.read_so_far, 255), np.uint8), time.monotonic())

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def live_source(monkeypatch: pytest.MonkeyPatch) -> Live:
    source = Live()
    monkeypatch.setattr(opening, "open_source", lambda *_, **__: source)
    return source


def webcam(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["nst-rt", "webcam", "--no-window", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        nst_rt.cli.main()
    return int(stop.value.code or 0)


def test_a_live_source_is_drained_while_the_network_loads(
    live_source: Live, inverting: Path, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr(
        Stylizer, "warm_up", lambda self, height, width: eventually(lambda: live_source.read_so_far >= 20)
    )
    stylised: list[int] = []
    real = Stylizer.__call__

    def stylise(stylizer: Stylizer, frame: Any) -> Any:
        stylised.append(int(frame[0, 0, 0]))
        return real(stylizer, frame)

    monkeypatch.setattr(Stylizer, "__call__", stylise)
    assert webcam(monkeypatch, "--model", inverting, "--frames", "1") == 0
    assert stylised[0] >= 19  # the image before may be waiting still
    assert live_source.closed.is_set()


def test_an_error_after_the_source_was_opened_closes_it(
    live_source: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert webcam(monkeypatch, "--model", tmp_path / "missing.onnx") == 2
    assert live_source.closed.is_set()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_finish_the_recording(video: Path, inverting: Path, tmp_path: Path, number: int) -> None:
    path = tmp_path / "out.mp4"
    process = subprocess.Popen(
        command("--source", video, "--loop", "--model", inverting, "--record", path, "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    part = tmp_path / "out.part.mp4"
    deadline = time.monotonic() + 60
    while not part.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert json.loads(output)["recorded"] == [str(path)]
    assert frames_in(path) == json.loads(output)["frames"]
    assert not part.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "missing.mp4"], "no such video"),
        (["--source", "http://127.0.0.1:9/x"], "refused"),
        (["--source", "63"], "camera 63"),
    ],
)
def test_errors_are_one_line(arguments: list[str], message: str, inverting: Path) -> None:
    done = run(*arguments, "--model", inverting, "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("nst-rt: error: ")
    assert message in line


def test_a_recording_that_is_there_is_kept(video: Path, inverting: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"precious")
    done = run("--source", video, "--model", inverting, "--record", tmp_path / "out.mp4")
    assert done.returncode == 2
    assert "replaces nothing" in done.stderr
    assert (tmp_path / "out.mp4").read_bytes() == b"precious"
