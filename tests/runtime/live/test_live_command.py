"""`nst-rt webcam` as a process, without a window."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import pytest


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", "from nst_rt.cli import main; main()", "webcam", "--no-window", *map(str, arguments)]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, timeout=120, env=environment
    )


def frames_in(path: Path) -> int:
    return int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT))


def test_json_is_all_that_stdout_gets(film: Path, inverting: Path, tmp_path: Path) -> None:
    done = run(
        "--source", film, "--model", inverting, "--frames", "10", "--json", "--record", tmp_path / "out.mp4"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["frames"] == 10
    assert summary["source"]["width"] == 96
    assert summary["recorded"] == [str(tmp_path / "out.mp4")]
    assert summary["stylizer"]["device"]
    assert frames_in(tmp_path / "out.mp4") == 10
    assert "96x64" in done.stderr


def test_the_end_of_the_film_ends_the_run(film: Path, inverting: Path) -> None:
    done = run("--source", film, "--model", inverting)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "frames in" in done.stderr
    assert "p95" in done.stderr


def test_a_network_camera(mjpeg_camera: Any, inverting: Path) -> None:
    done = run("--source", mjpeg_camera.url, "--model", inverting, "--frames", "5", "--json", "--mirror")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] == 5
    assert "secret" not in done.stdout + done.stderr


def test_style_vectors(film: Path, tinting: Path) -> None:
    done = run("--source", film, "--model", tinting, "--frames", "3", "--json", "--strength", "0.5")
    assert done.returncode in (0, 2)  # a model without named styles asks for one
    if done.returncode == 2:
        assert "--style" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_finish_the_recording(film: Path, inverting: Path, tmp_path: Path, number: int) -> None:
    path = tmp_path / "out.mp4"
    process = subprocess.Popen(
        command("--source", film, "--loop", "--model", inverting, "--record", path, "--json"),
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
        (["--source", "missing.mp4"], "no such film"),
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


def test_a_recording_that_is_there_is_kept(film: Path, inverting: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"precious")
    done = run("--source", film, "--model", inverting, "--record", tmp_path / "out.mp4")
    assert done.returncode == 2
    assert "replaces nothing" in done.stderr
    assert (tmp_path / "out.mp4").read_bytes() == b"precious"
