import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nst_rt.errors import InputError, SourceError
from nst_rt.live.camera import CameraSettings
from nst_rt.live.capture import Capture
from nst_rt.live.source import open_source
from nst_rt.live.stream import Stream, fitted


def test_a_video_gives_every_frame_with_its_time(video: Path) -> None:
    source = open_source(str(video))
    assert not source.live
    assert {key: source.describe()[key] for key in ("width", "height", "fps")} == {"width": 96, "height": 64, "fps": 25}
    dues, values = [], []
    while (frame := source.read()) is not None:
        assert frame.due is not None
        dues.append(frame.due)
        values.append(float(frame.pixels.mean()))
    source.close()
    np.testing.assert_allclose(dues, np.arange(25) / 25, atol=1e-6)
    np.testing.assert_allclose(values, 20 + 8 * np.arange(25), atol=3)


def test_a_loop_goes_on_without_a_gap(video: Path) -> None:
    source = open_source(str(video), loop=True)
    frames = [source.read() for _ in range(60)]
    source.close()
    np.testing.assert_allclose([frame.due for frame in frames if frame], np.arange(60) / 25, atol=1e-6)
    assert abs(frames[25].pixels.mean() - frames[0].pixels.mean()) < 1  # type: ignore[union-attr]


def test_a_video_is_scaled_down_to_fit_and_never_up(video: Path) -> None:
    small = open_source(str(video), CameraSettings(width=48))
    frame = small.read()
    assert frame is not None
    assert frame.pixels.shape == (32, 48, 3)
    assert (small.describe()["height"], small.describe()["width"]) == (32, 48)
    small.close()
    large = open_source(str(video), CameraSettings(width=960, height=640))
    assert large.describe()["width"] == 96
    large.close()


@pytest.mark.parametrize(
    ("size", "limits", "expected"),
    [
        ((1920, 1080), (640, None), (640, 360)),
        ((1920, 1080), (None, 360), (640, 360)),
        ((1080, 1920), (640, 640), (360, 640)),
        ((640, 480), (1280, 720), (640, 480)),
        ((641, 481), (None, None), (641, 481)),
        ((1000, 999), (501, None), (500, 500)),
    ],
)
def test_fitted(size: tuple[int, int], limits: tuple[int | None, int | None], expected: tuple[int, int]) -> None:
    assert fitted(*size, *limits) == expected


def test_what_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such video"):
        open_source(str(tmp_path / "missing.mp4"))
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(InputError, match=r"text\.mp4"):
        open_source(str(tmp_path / "text.mp4"))
    with pytest.raises(SourceError, match="refused"):
        open_source("http://127.0.0.1:9/camera")
    with pytest.raises(SourceError, match="bogus://nowhere"):
        open_source("bogus://nowhere")


def test_a_password_is_not_printed() -> None:
    with pytest.raises(SourceError) as caught:
        open_source("rtsp://user:secret@127.0.0.1:9/x")
    assert "secret" not in str(caught.value)


def test_http_mjpeg_is_a_live_camera(mjpeg_camera: Any) -> None:
    source = Stream(mjpeg_camera.url)
    assert source.live
    described = source.describe()
    assert (described["width"], described["height"], described["format"]) == (64, 48, "mjpeg")
    assert "secret" not in described["name"]
    values = []
    for _ in range(5):
        frame = source.read()
        assert frame is not None
        assert frame.due is None
        assert abs(time.monotonic() - frame.captured) < 30
        values.append(float(frame.pixels.mean()))
    source.close()
    # Full range: the camera's grey values rise by one, and are not stretched.
    assert np.allclose(np.diff(values), 1, atol=0.6)


def test_a_server_that_dies_and_comes_back_in_another_size(mjpeg_camera: Any, eventually: Any) -> None:
    lines: list[str] = []
    source = open_source(mjpeg_camera.url)
    capture = Capture(source, lambda: open_source(mjpeg_camera.url), lines.append, first_retry=0.05)
    capture.start()
    eventually(lambda: capture.take(1) is not None)
    mjpeg_camera.die()
    eventually(lambda: bool(capture.status().lost))
    mjpeg_camera.size = (96, 128)
    mjpeg_camera.start()
    eventually(lambda: capture.status().reconnects == 1)
    eventually(lambda: (frame := capture.take(1)) is not None and frame.pixels.shape == (96, 128, 3))
    assert not capture.status().lost
    capture.close()
    assert len(lines) == 2
    assert "secret" not in "".join(lines)


def test_a_stream_that_falls_silent_is_lost(mjpeg_camera: Any) -> None:
    source = Stream(mjpeg_camera.url, timeouts=(10, 0.5))
    assert source.read() is not None
    mjpeg_camera.stalled = True
    with pytest.raises(SourceError, match="no answer in time"):  # noqa: PT012, some images may be on their way
        while True:
            source.read()
    source.close()


def test_a_server_that_never_answers_does_not_hang_us() -> None:
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(SourceError, match="no answer in time"):
            Stream(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeouts=(0.3, 0.3))
