import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from nst_rt.errors import SourceError
from nst_rt.live import camera as module
from nst_rt.live.camera import Camera, CameraInfo, CameraSettings, gives_images, list_cameras


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


@pytest.mark.parametrize("device", [9, 8])
def test_a_camera_that_does_not_open_or_gives_nothing_lists_the_others(
    fake: type[FakeCapture], monkeypatch: pytest.MonkeyPatch, device: int
) -> None:
    cameras = [CameraInfo(0, "/dev/video0", "Nice Cam", True), CameraInfo(8, "/dev/video8", "Busy Cam", True)]
    monkeypatch.setattr(module, "list_cameras", lambda: cameras)
    with pytest.raises(SourceError) as caught:
        Camera(device)
    assert "0 (Nice Cam)" in str(caught.value)
    assert ("close other programs" in str(caught.value)) == (device == 8)
    assert not fake.made[0].opened


def test_no_permission_says_which_group(fake: type[FakeCapture], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "list_cameras", lambda: [CameraInfo(9, "/dev/video9", "Cam", False)])
    with pytest.raises(SourceError, match="usermod -aG video"):
        Camera(9)


def test_lists_devices_with_their_names(tmp_path: Path) -> None:
    devices, names = tmp_path / "dev", tmp_path / "sys"
    devices.mkdir()
    for node in ("video10", "video2", "videonotanumber", "vbi0"):
        (devices / node).touch()
    (names / "video2").mkdir(parents=True)
    (names / "video2" / "name").write_text("Nice Cam\n")
    found = list_cameras(devices, names)
    assert [(camera.index, camera.name) for camera in found] == [(2, "Nice Cam"), (10, "unnamed camera")]
    assert str(found[0]) == "2 (Nice Cam)"


def test_metadata_nodes_are_no_cameras() -> None:
    def capability(device: int, node: int) -> bytes:
        order = sys.byteorder
        return bytes(84) + device.to_bytes(4, order) + node.to_bytes(4, order) + bytes(12)  # type: ignore[arg-type]

    assert gives_images(capability(0x84A00001, 0x04200001))
    assert not gives_images(capability(0x84A00001, 0x04A00000))
    assert gives_images(capability(0x00000001, 0))
    assert gives_images(capability(0x80001000, 0x1000))
