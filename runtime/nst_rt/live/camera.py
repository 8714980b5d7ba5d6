"""A local camera, through OpenCV."""

import os
import sys
import time
from dataclasses import dataclass
from typing import Any

from nst_rt.errors import SourceError
from nst_rt.live.capture import LiveFrame
from nst_rt.media.opencv_log import silent_opencv

# Media Foundation otherwise tries every hardware transform first, which can take ten seconds; it reads this on import.
if sys.platform == "win32":
    os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")

import cv2

_LISTED = {"linux": cv2.CAP_V4L2, "win32": cv2.CAP_MSMF, "darwin": cv2.CAP_AVFOUNDATION}
"""The back-end that lists the cameras of a system: the one with which OpenCV opens them, as indices differ."""

_FAILURES = 10


@dataclass(frozen=True)
class CameraSettings:
    """What is asked of a camera, which may grant something else; None leaves it to the camera.

    Examples:
        >>> CameraSettings(width=1280, height=720)
        CameraSettings(width=1280, height=720, fps=None)
    """

    width: int | None = None
    """In pixels."""
    height: int | None = None
    """In pixels."""
    fps: float | None = None
    """Frames a second."""


@dataclass(frozen=True)
class CameraInfo:
    """A camera that the system lists."""

    index: int
    """Its number, as `Camera` takes it."""
    path: str
    """Of its device; on macOS an identifier."""
    name: str

    @property
    def readable(self) -> bool:
        """This user may open it."""
        return not sys.platform.startswith("linux") or os.access(self.path, os.R_OK | os.W_OK)

    def __str__(self) -> str:
        return f"{self.index} ({self.name})" + ("" if self.readable else ", not allowed for this user")


def list_cameras() -> list[CameraInfo]:
    """The cameras that this system lists, by index; empty if there are none, or the system has no list.

    Examples:
        >>> isinstance(list_cameras(), list)
        True
    """
    backend = _LISTED.get(sys.platform)
    if backend is None:
        return []  # the package would open a hundred cameras, one after the other, to see which there are
    from cv2_enumerate_cameras import enumerate_cameras  # on macOS this loads AVFoundation

    # On Linux it leaves out device nodes that only give metadata, and multi-planar cameras of some ARM boards too:
    # those open by their index all the same.
    found = [CameraInfo(camera.index, camera.path or "", camera.name) for camera in enumerate_cameras(backend)]
    return sorted(found, key=lambda camera: camera.index)


class Camera:
    """A local camera; a `Source` for the capture thread.

    Args:
        device: its index (0), or on Linux its path (`/dev/video0`).
        settings: what to ask it for; `describe` says what it grants.

    Raises:
        SourceError: it cannot be opened or gives no image; the message lists the cameras that there are.

    Examples:
        It needs a camera.

        >>> camera = Camera(0, CameraSettings(width=1280, height=720))  # doctest: +SKIP
        >>> camera.read().pixels.shape  # doctest: +SKIP
        (720, 1280, 3)
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
            # Uncompressed frames larger than VGA are too much for USB 2 at 30 per second; MJPG is not.
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            for what, value in (
                (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
                (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
                (cv2.CAP_PROP_FPS, settings.fps),
                (cv2.CAP_PROP_BUFFERSIZE, 1),  # or the driver keeps four old frames
            ):
                if value:
                    self._capture.set(what, value)
            first = self._capture.read()[1] if self._capture.isOpened() else None
        if first is None:
            self._capture.release()
            raise SourceError(_cannot_open(device, list_cameras()), parameter="source")
        self._height, self._width = first.shape[:2]

    def describe(self) -> dict[str, Any]:
        """What the camera granted, ready for JSON: name, width, height, fps, format and backend (OpenCV's)."""
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
        """Wait for the next frame; its time is when the driver gave it, before it is decoded.

        Raises:
            SourceError: the camera is gone. A few broken frames in a row are skipped.
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
        """Close the device; harmless twice."""
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
            f"or ask for 640x480. Cameras found: {listed}"
        )
    if listed:
        return f"there is no camera {device}: choose another source. Cameras found: {listed}"
    hint = "no camera was found: plug one in" if sys.platform in _LISTED else "check that it is plugged in"
    return f"camera {device} cannot be opened; {hint}, or choose a video or a stream's URL as the source"
