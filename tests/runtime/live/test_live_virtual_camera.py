import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from nst_rt.errors import DependencyError, OutputError
from nst_rt.live.virtual_camera import VirtualCamera


class FakeCamera:
    made: "list[FakeCamera]" = []  # noqa: RUF012

    def __init__(self, *, width: int, height: int, fps: float, fmt: str) -> None:
        if fps == 13:
            raise RuntimeError("'v4l2loopback' backend: no device.\nIs it loaded?")
        self.width, self.height, self.fps, self.fmt = width, height, fps, fmt
        self.device = "/dev/video7"
        self.sent: list[Any] = []
        self.closed = False
        self.made.append(self)

    def send(self, image: Any) -> None:
        if image[0, 0, 0] == 66:
            raise OSError("device is gone")
        self.sent.append(image)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(Camera=FakeCamera, PixelFormat=SimpleNamespace(BGR="bgr"))
    monkeypatch.setitem(sys.modules, "pyvirtualcam", fake)  # type: ignore[arg-type]


@pytest.mark.usefixtures("package")
def test_size_stays_even_and_constant(image: Any) -> None:
    camera = VirtualCamera(49, 65, 30)
    fake = FakeCamera.made[-1]
    assert (fake.height, fake.width, fake.fmt, camera.device) == (48, 64, "bgr", "/dev/video7")
    for size in ((49, 65), (480, 640), (10, 300)):
        camera.write(image(100, *size))
    assert {sent.shape for sent in fake.sent} == {(48, 64, 3)}
    assert all(sent.flags.c_contiguous and sent.dtype == np.uint8 for sent in fake.sent)
    assert (fake.sent[0] == 100).all()
    camera.close()
    assert fake.closed


@pytest.mark.usefixtures("package")
def test_no_camera_says_how_to_get_one(image: Any) -> None:
    with pytest.raises(OutputError) as caught:
        VirtualCamera(48, 64, 13)
    assert "\n" not in str(caught.value)
    if sys.platform.startswith("linux"):
        assert "modprobe v4l2loopback" in str(caught.value)
    with pytest.raises(OutputError, match="device is gone"):
        VirtualCamera(48, 64).write(image(66))


def test_not_installed_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(DependencyError, match=r"\.\[virtual-camera\]"):
        VirtualCamera(48, 64)
