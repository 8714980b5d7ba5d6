import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from nst_rt.errors import OutputError
from nst_rt.live.letterbox import letterbox
from nst_rt.live.recorder import Recorder, file_name, free_path


def frames_of(path: Path) -> list[tuple[float, Any]]:
    with av.open(str(path)) as container:
        return [(float(frame.time or 0), frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]


def test_keeps_the_times_of_the_clock(tmp_path: Path, image: Any) -> None:
    recorder = Recorder()
    times = [100.0, 100.04, 100.25, 100.251, 103.0]
    recorder.start(tmp_path / "out.mp4")
    assert recorder.recording
    assert recorder.seconds(100.0) == 0.0
    for index, time in enumerate(times):
        recorder.write(image(40 * index + 20), time)
    assert recorder.seconds(104.0) == 4.0
    assert recorder.stop() == tmp_path / "out.mp4"
    assert not recorder.recording
    written = frames_of(tmp_path / "out.mp4")
    np.testing.assert_allclose([time for time, _ in written], [0, 0.04, 0.25, 0.251, 3.0], atol=2e-4)
    np.testing.assert_allclose([pixels.mean() for _, pixels in written], 40 * np.arange(5) + 20, atol=4)
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == ["out.mp4"]


def test_the_finished_file_is_an_ordinary_mp4(tmp_path: Path, image: Any) -> None:
    recorder = Recorder()
    recorder.start(tmp_path / "out.mp4")
    for number in range(90):
        recorder.write(image(number), number / 30)
    recorder.stop()
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.frames == 90  # counted in the index, which fragments do not have
        assert float(container.duration or 0) / av.time_base == pytest.approx(3, abs=0.1)
        assert stream.codec_context.pix_fmt == "yuv420p"


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_times_that_stand_still_and_sizes_that_change(tmp_path: Path, image: Any, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    recorder = Recorder()
    recorder.start(path)
    recorder.write(image(200, 49, 65), 5.0)
    recorder.write(image(200, 98, 130), 5.0)
    recorder.write(image(200, 48, 20), 4.0)
    recorder.write(image(200, 49, 65), 6.0)
    recorder.stop()
    written = frames_of(path)
    assert {pixels.shape for _, pixels in written} == {(50, 66, 3)}
    assert len({time for time, _ in written}) == 4
    assert written[2][1][25, 2].mean() < 40  # black beside the narrow image
    assert written[2][1][25, 33].mean() > 180
    assert written[3][1][49, 65].mean() > 180  # the edge is repeated, not black


def test_can_start_again(tmp_path: Path, image: Any) -> None:
    recorder = Recorder()
    for name in ("a.mp4", "b.mp4"):
        recorder.start(tmp_path / name)
        recorder.write(image(9), 1.0)
        assert recorder.stop() == tmp_path / name
        assert len(frames_of(tmp_path / name)) == 1


def test_no_image_leaves_no_file(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.start(tmp_path / "out.mp4")
    assert recorder.stop() is None
    assert not recorder.recording
    assert not list(tmp_path.glob("out*"))


def test_refuses_what_cannot_work_before_anything_is_recorded(tmp_path: Path) -> None:
    recorder = Recorder()
    (tmp_path / "there.mp4").write_bytes(b"precious")
    (tmp_path / "crashed.part.mp4").write_bytes(b"precious too")
    for name, reason in (
        ("there.mp4", "replaces nothing"),
        ("crashed.mp4", "replaces nothing"),
        ("nowhere/out.mp4", "no folder"),
        ("out.gif", "gif"),
    ):
        with pytest.raises(OutputError, match=reason):
            recorder.start(tmp_path / name)
        assert not recorder.recording
    assert (tmp_path / "there.mp4").read_bytes() == b"precious"


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path, image: Any) -> None:
    recorder = Recorder()
    recorder.start(tmp_path / "out.mp4")
    recorder.write(image(9), 1.0)
    (tmp_path / "out.mp4").write_bytes(b"precious")
    assert recorder.stop() == tmp_path / "out-2.mp4"
    assert (tmp_path / "out.mp4").read_bytes() == b"precious"


def frames_left_in(path: Path) -> int:
    """How many frames of a video can be decoded up to the one that was being written when its writer ended."""
    seen = 0
    with av.open(str(path)) as container, suppress(av.error.InvalidDataError):
        for _ in container.decode(video=0):
            seen += 1
    return seen


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from nst_rt.live.recorder import Recorder
recorder = Recorder()
recorder.start(Path(sys.argv[1]))
noise = np.random.default_rng(0)
for number in range(150):
    recorder.write(noise.integers(0, 255, (48, 64, 3), np.uint8), number / 30)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process the POSIX way")
def test_a_killed_process_leaves_a_video_that_plays(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "out.mp4")], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    assert frames_left_in(tmp_path / "out.part.mp4") >= 60


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from nst_rt.errors import OutputError
from nst_rt.live.recorder import Recorder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
recorder = Recorder()
recorder.start(Path(sys.argv[1]))
noise = np.random.default_rng(0)
try:
    for number in range(2000):
        recorder.write(noise.integers(0, 255, (96, 128, 3), np.uint8), number / 30)
    recorder.stop()
except OutputError as error:
    print(error)
    assert not recorder.recording
    sys.exit(7)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits file sizes the Linux way")
def test_a_full_disk_keeps_what_was_recorded(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "out.mp4")], check=False, capture_output=True, text=True
    )
    assert done.returncode == 7, done.stderr
    assert str(tmp_path / "out.mp4") in done.stdout
    assert frames_left_in(tmp_path / "out.mp4") >= 20


def test_letterbox_keeps_proportions(image: Any) -> None:
    same = image(9, 48, 64)
    assert letterbox(same, 48, 64) is same
    wide = letterbox(image(200, 100, 400), 48, 64)
    assert wide.shape == (48, 64, 3)
    assert (wide[:15] == 0).all()
    assert (wide[17:31] == 200).all()


def test_names(tmp_path: Path) -> None:
    now = datetime(2026, 11, 21, 1, 39, 5)
    assert file_name("gogh:0.7+wave:0.3", now, ".png") == "nst-rt-20261121-013905-gogh-0.7-wave-0.3.png"
    assert file_name("/home/me/my painting.jpg", now, ".mp4") == "nst-rt-20261121-013905-my-painting.mp4"
    assert file_name("", now, ".png") == "nst-rt-20261121-013905.png"
    for expected in ("a.png", "a-2.png", "a-3.png"):
        free = free_path(tmp_path / "a.png")
        assert free.name == expected
        free.touch()
