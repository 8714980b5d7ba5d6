"""Real clips through the `video` and `webcam` commands, with a network small enough to run in real time."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

pytestmark = pytest.mark.shared


def nst_rt(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from nst_rt.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def look(path: Path) -> dict[str, Any]:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        rate = video.average_rate
        times = [frame.time for frame in container.decode(video)]
        sounds = [
            (audio.codec_context.name, float(audio.duration * audio.time_base)) for audio in container.streams.audio
        ]
    return {"frames": len(times), "times": times, "rate": rate, "size": (video.width, video.height), "sounds": sounds}


def test_a_clip_with_audio_keeps_frames_times_and_audio(shared: Path, inverting: Path, tmp_path: Path) -> None:
    clip, out = shared / "data" / "video" / "webcam_wave.mp4", tmp_path / "out.mp4"
    told = json.loads(nst_rt("video", clip, "-o", out, "--style", inverting, "--json").stdout)
    before, after = look(clip), look(out)
    assert after["frames"] == before["frames"] == told["frames"]
    assert after["times"] == pytest.approx(before["times"], abs=1e-3)
    assert after["size"] == before["size"]
    assert [name for name, _ in after["sounds"]] == [name for name, _ in before["sounds"]]
    assert after["sounds"][0][1] == pytest.approx(before["sounds"][0][1], abs=0.05)


def test_a_broken_frame_rate_stays_exact(shared: Path, inverting: Path, tmp_path: Path) -> None:
    clip, out = shared / "data" / "video" / "carphone_talking_head.mp4", tmp_path / "out.mp4"
    nst_rt("video", clip, "-o", out, "--style", inverting)
    assert look(out)["rate"] == Fraction(30000, 1001)
    assert look(out)["frames"] == 120


def test_a_clip_as_a_camera_without_a_window(shared: Path, inverting: Path) -> None:
    clip = shared / "data" / "video" / "bikes_street.mp4"
    arguments = ["webcam", "--source", clip, "--style", inverting, "--no-window", "--frames", "40", "--json"]
    told = json.loads(nst_rt(*arguments).stdout)
    assert told["frames"] == 40
    assert set(told["latency_ms"]) >= {"p50", "p95", "p99"}
