"""What the live tests share: a fake stylizer, sources, images, and an MJPEG camera over loopback HTTP."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from nst_rt.contract import Frame
from nst_rt.errors import SourceError, StyleError
from nst_rt.live.capture import LiveFrame
from video_files import make_video


def plain(value: int, height: int = 48, width: int = 64) -> Frame:
    return np.full((height, width, 3), value, np.uint8)


class FakeStylizer:
    """Turns every image to its negative; `strength` mixes."""

    device = "fake:0"

    def __init__(self) -> None:
        self.styles = ["gogh", "wave", "broken"]
        self._style = "gogh"
        self.strength = 1.0
        self.stroke_size = 1.0
        self.color = 1.0
        self.calls = 0
        self.setting: Callable[[], None] = lambda: None
        self.working: Callable[[], None] = lambda: None

    @property
    def style(self) -> str:
        return self._style

    @style.setter
    def style(self, name: str) -> None:
        self.setting()
        if name == "broken":
            raise StyleError("style broken is broken. Take another")
        self._style = name

    def __call__(self, frame: Frame) -> Frame:
        self.calls += 1
        self.working()
        return 255 - frame


class ListSource:
    """Gives images from a list, as fast as they are read; an exception in the list is raised."""

    def __init__(self, items: list[Any], *, live: bool = False, pause: float = 0.0) -> None:
        self.live = live
        self.closed = 0
        self._items = iter(items)
        self._pause = pause

    def describe(self) -> dict[str, Any]:
        return {"name": "list", "width": 64, "height": 48, "fps": None}

    def read(self) -> LiveFrame | None:
        time.sleep(self._pause)
        item = next(self._items, None)
        if isinstance(item, Exception):
            raise item
        if isinstance(item, LiveFrame) or item is None:
            return item
        return LiveFrame(item, time.monotonic())

    def close(self) -> None:
        self.closed += 1


class MjpegCamera:
    """A network camera: multipart JPEGs over HTTP, each of one grey value that rises; can die and come back."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.size = (48, 64)
        self.stalled = False
        self._server: ThreadingHTTPServer | None = None
        self._stopping = threading.Event()
        self.start()

    @property
    def url(self) -> str:
        return f"http://user:secret@127.0.0.1:{self.port}/camera.mjpg"

    def start(self) -> None:
        camera = self
        self._stopping = stopping = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=image")
                self.end_headers()
                for number in range(100_000):
                    if stopping.wait(0.02):
                        break
                    if camera.stalled:
                        continue
                    jpeg = cv2.imencode(".jpg", plain(number % 200 + 20, *camera.size))[1].tobytes()
                    head = f"--image\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                    except OSError:
                        break
                self.close_connection = True

            def log_message(self, *arguments: Any) -> None:
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = False
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def die(self) -> None:
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def stylizer() -> FakeStylizer:
    return FakeStylizer()


@pytest.fixture
def list_source() -> type[ListSource]:
    return ListSource


@pytest.fixture
def image() -> Callable[..., Frame]:
    return plain


@pytest.fixture
def lost() -> Callable[[], SourceError]:
    return lambda: SourceError("the cable was pulled")


@pytest.fixture
def mjpeg_camera() -> Iterator[MjpegCamera]:
    camera = MjpegCamera()
    yield camera
    camera.die()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """One second at 25 frames a second, 96x64; the brightness rises from frame to frame."""
    return make_video(tmp_path / "video.mp4", [plain(20 + 8 * number, 64, 96) for number in range(25)])


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until something is true."""

    def wait(condition: Callable[[], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.01)

    return wait
