import sys
from pathlib import Path
from typing import Any

import cv2
import cv2_enumerate_cameras
import numpy as np
import pytest
from nst_rt.errors import SourceError
from nst_rt.live.camera import Camera, CameraSettings, list_cameras


class FakeCapture:
    """A camera that grants 1280x720 whatever is asked, and breaks when told to."""

    made: "list[FakeCapture]" = []  # noqa: RUF012

    def __init__(self, device: int | str, backend: int) -> None:
        self.device, self.backend = device, backend
        self.asked: list[tuple[int, float]] = []
        self.broken = 0
        self.grabs = 0
        self.opened = device != 9
        self.made.append(self)

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def set(self, what: int, value: float) -> bool:
        self.asked.append((what, value))
        return True

    def get(self, what: int) -> float:
        return {cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"MJPG"))}.get(what, 0.0)

    def grab(self) -> bool:
        self.grabs += 1
        self.broken -= 1
        return self.broken < 0

    def retrieve(self) -> tuple[bool, Any]:
        return True, np.full((720, 1280, 3), 7, np.uint8)

    def read(self) -> tuple[bool, Any]:
        return (True, self.retrieve()[1]) if self.device != 8 else (False, None)

    def getBackendName(self) -> str:  # noqa: N802
        return "FAKE"

    def release(self) -> None:
        self.opened = False


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeCapture]:
    FakeCapture.made = []
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    return FakeCapture


def test_asks_in_the_order_drivers_need_and_tells_what_was_granted(fake: type[FakeCapture]) -> None:
    camera = Camera(0, CameraSettings(640, 480, 60))
    capture = fake.made[0]
    assert [what for what, _ in capture.asked] == [
        cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_FRAME_WIDTH,
        cv2.CAP_PROP_FRAME_HEIGHT,
        cv2.CAP_PROP_FPS,
        cv2.CAP_PROP_BUFFERSIZE,
    ]
    if sys.platform.startswith("linux"):
        assert capture.backend == cv2.CAP_V4L2
    assert camera.describe() == {
        "name": "camera 0", "width": 1280, "height": 720, "fps": 30.0, "format": "MJPG", "backend": "FAKE",
    }  # fmt: skip
    assert camera.read().pixels.shape == (720, 1280, 3)
    camera.close()
    assert not capture.opened


def test_a_few_broken_images_are_passed_over_but_not_many(fake: type[FakeCapture]) -> None:
    camera = Camera(0)
    fake.made[0].broken = 3
    assert camera.read().pixels.size
    fake.made[0].broken = 10_000
    with pytest.raises(SourceError, match="camera 0 gives no images"):
        camera.read()


def listed(monkeypatch: pytest.MonkeyPatch, *cameras: cv2_enumerate_cameras.CameraInfo) -> None:
    """Let the system list these cameras."""
    monkeypatch.setattr(cv2_enumerate_cameras, "enumerate_cameras", lambda backend: list(cameras))


def camera_info(index: int, name: str, path: str) -> cv2_enumerate_cameras.CameraInfo:
    return cv2_enumerate_cameras.CameraInfo(index, name, path, None, None, cv2.CAP_ANY)


@pytest.mark.parametrize("device", [9, 8])
def test_a_camera_that_does_not_open_or_gives_nothing_lists_the_others(
    fake: type[FakeCapture], monkeypatch: pytest.MonkeyPatch, device: int, tmp_path: Path
) -> None:
    for name in ("video0", "video8"):
        (tmp_path / name).touch()
    listed(
        monkeypatch,
        camera_info(0, "Nice Cam", str(tmp_path / "video0")),
        camera_info(8, "Busy Cam", str(tmp_path / "video8")),
    )
    with pytest.raises(SourceError) as caught:
        Camera(device)
    assert "0 (Nice Cam)" in str(caught.value)
    assert ("close other programs" in str(caught.value)) == (device == 8)
    assert caught.value.parameter == "source"
    assert not fake.made[0].opened


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="groups own cameras on Linux only")
def test_no_permission_says_which_group(
    fake: type[FakeCapture], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed(monkeypatch, camera_info(9, "Cam", str(tmp_path / "no-such-node")))
    with pytest.raises(SourceError, match="usermod -aG video"):
        Camera(9)


@pytest.mark.parametrize("system", ["linux", "win32", "darwin"])
def test_cameras_are_listed_by_index(system: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "video2").touch()
    listed(
        monkeypatch, camera_info(10, "Other Cam", str(tmp_path)), camera_info(2, "Nice Cam", str(tmp_path / "video2"))
    )
    monkeypatch.setattr(sys, "platform", system)
    assert list(map(str, list_cameras())) == ["2 (Nice Cam)", "10 (Other Cam)"]


def test_a_system_without_a_list_opens_no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch, camera_info(0, "Cam", ""))
    monkeypatch.setattr(sys, "platform", "freebsd14")
    assert list_cameras() == []


def test_no_cameras_is_an_empty_list(fake: type[FakeCapture], monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch)
    assert list_cameras() == []
    with pytest.raises(SourceError, match="camera 9 cannot be opened; no camera was found: plug one in"):
        Camera(9)
