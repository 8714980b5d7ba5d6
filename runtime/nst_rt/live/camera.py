"""A local camera, through OpenCV."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_rt.errors import SourceError
from nst_rt.live.capture import LiveFrame
from nst_rt.media.opencv_log import silent_opencv

# Media Foundation otherwise tries every hardware transform first, which can take ten seconds; it reads this on import.
if sys.platform == "win32":
    os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")

import cv2

_DEVICES, _NAMES = Path("/dev"), Path("/sys/class/video4linux")
_VIDEO_CAPTURE, _VIDEO_CAPTURE_MPLANE = 0x1, 0x1000
_QUERYCAP, _CAPABILITY_SIZE = 0x80685600, 104
_FAILURES = 10


@dataclass(frozen=True)
class CameraSettings:
    """What is asked of a camera; None leaves it to the camera.

    Examples:
        >>> CameraSettings(width=1280, height=720, fps=30)
        CameraSettings(width=1280, height=720, fps=30)
    """

    width: int | None = None
    height: int | None = None
    fps: float | None = None


@dataclass(frozen=True)
class CameraInfo:
    """A camera that the system lists."""

    index: int
    """What `--source` and OpenCV take."""
    path: str
    name: str
    readable: bool
    """This user may open it."""

    def __str__(self) -> str:
        return f"{self.index} ({self.name})" + ("" if self.readable else ", not allowed for this user")


def list_cameras(devices: Path = _DEVICES, names: Path = _NAMES) -> list[CameraInfo]:
    """The cameras Linux knows, by index; empty on other systems, which offer no list without further packages.

    Device nodes that carry a camera's metadata, decode or only take images in are left out.

    Examples:
        >>> for camera in list_cameras():  # doctest: +SKIP
        ...     print(camera)
    """
    found = []
    for path in devices.glob("video*"):
        index = path.name.removeprefix("video")
        if not index.isdecimal() or not _gives_images(path):
            continue
        try:
            name = (names / path.name / "name").read_text(errors="replace").strip()
        except OSError:
            name = "unnamed camera"
        found.append(CameraInfo(int(index), str(path), name, os.access(path, os.R_OK | os.W_OK)))
    return sorted(found, key=lambda camera: camera.index)


def _gives_images(path: Path) -> bool:
    """Ask the driver (VIDIOC_QUERYCAP); a device that cannot be asked, being busy or forbidden, counts as a camera."""
    if sys.platform == "win32":  # has no fcntl, and no such devices
        return True
    import fcntl

    answer = bytearray(_CAPABILITY_SIZE)
    try:
        device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        fcntl.ioctl(device, _QUERYCAP, answer)
    except OSError:
        return True
    finally:
        os.close(device)
    return gives_images(bytes(answer))


def gives_images(capability: bytes) -> bool:
    """Read a `struct v4l2_capability`: True if the device node itself captures video."""
    # Offset 84 holds what the whole device can do, 88 what this node can; the top bit of the former says 88 is filled.
    device = int.from_bytes(capability[84:88], sys.byteorder)
    node = int.from_bytes(capability[88:92], sys.byteorder)
    effective = node if device & 0x80000000 else device
    return bool(effective & (_VIDEO_CAPTURE | _VIDEO_CAPTURE_MPLANE))


class Camera:
    """A camera by index (`0`) or device path (`/dev/video0`); a `Source` for the capture thread.

    Raises:
        SourceError: it cannot be opened or gives no image; the message lists the cameras there are.

    Examples:
        >>> with Capture(Camera(0), lambda: Camera(0), print) as capture:  # doctest: +SKIP
        ...     newest = capture.take(timeout=1.0)
    """

    live = True

    def __init__(self, device: int | str, settings: CameraSettings | None = None) -> None:
        settings = settings or CameraSettings()
        self._name = f"camera {device}"
        # On Linux the back-end is named, because OpenCV would otherwise try GStreamer and FFmpeg on a busy camera.
        backend = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
        with silent_opencv():  # our error says what is wrong with a device
            self._capture = cv2.VideoCapture(device, backend)
            # Order matters: drivers forget the size when the format changes, and the rate when the size does.
            # Uncompressed images larger than VGA do not fit through USB 2 at 30 per second; MJPG does.
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            for what, value in (
                (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
                (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
                (cv2.CAP_PROP_FPS, settings.fps),
                (cv2.CAP_PROP_BUFFERSIZE, 1),  # or the driver keeps four old images for us
            ):
                if value:
                    self._capture.set(what, value)
            first = self._capture.read()[1] if self._capture.isOpened() else None
        if first is None:
            self._capture.release()
            raise SourceError(_cannot_open(device, list_cameras()))
        self._height, self._width = first.shape[:2]

    def describe(self) -> dict[str, Any]:
        """What the camera granted: name, width, height, fps, pixel format and OpenCV back-end."""
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC))
        fourcc = "".join(chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24)) if code > 0 else ""
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        return {
            "name": self._name,
            "width": self._width,
            "height": self._height,
            "fps": round(rate, 3) if rate > 0 else None,
            "format": fourcc if fourcc.isprintable() else "",
            "backend": self._capture.getBackendName(),
        }

    def read(self) -> LiveFrame:
        """Wait for the next image; its time is when the driver handed it over, before it is decoded.

        Raises:
            SourceError: the camera is gone; a few broken images in a row are passed over.
        """
        for _ in range(_FAILURES):
            if self._capture.grab():
                captured = time.monotonic()
                good, pixels = self._capture.retrieve()
                if good and pixels is not None and pixels.size:
                    return LiveFrame(pixels, captured)  # type: ignore[arg-type]
            time.sleep(0.01)  # a camera that is gone fails at once
        raise SourceError(f"{self._name} gives no images any more")

    def close(self) -> None:
        self._capture.release()


def _cannot_open(device: int | str, cameras: list[CameraInfo]) -> str:
    wanted = next((camera for camera in cameras if device in (camera.index, camera.path)), None)
    if wanted is not None and not wanted.readable:
        return (
            f"camera {device} ({wanted.name}) may not be opened by this user: `sudo usermod -aG video $USER`, "
            "then log in again"
        )
    listed = ", ".join(map(str, cameras))
    if wanted is not None:
        return (
            f"camera {device} ({wanted.name}) cannot be opened or gives no image: close other programs that use it, "
            f"or try --width 640 --height 480. Cameras found: {listed}"
        )
    if listed:
        return f"there is no camera {device}. Cameras found: {listed}: choose one with --source"
    hint = "no camera was found: plug one in" if sys.platform.startswith("linux") else "check that it is plugged in"
    return f"camera {device} cannot be opened; {hint}, or give a video or a stream's URL with --source"
