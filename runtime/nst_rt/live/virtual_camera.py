"""A camera that other programs can choose, through pyvirtualcam."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import DependencyError, OutputError, install_line
from nst_rt.live.letterbox import letterbox

_HOW = {
    "linux": "load the kernel module that makes one: `sudo modprobe v4l2loopback devices=1 exclusive_caps=1 "
    'card_label="nst-rt"` (Debian and Ubuntu: `sudo apt install v4l2loopback-dkms` first)',
    "win32": "install OBS Studio (its virtual camera comes with it) or Unity Capture",
    "darwin": "install OBS Studio and start and stop its virtual camera once",
}


def pyvirtualcam() -> ModuleType:
    """The package, imported.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        import pyvirtualcam
    except ImportError as error:
        raise DependencyError(
            f"a virtual camera needs pyvirtualcam, which is not installed: {install_line('virtual-camera')}"
        ) from error
    module: ModuleType = pyvirtualcam
    return module


class VirtualCamera:
    """A camera that shows stylised frames to other programs. Frames of another size are fitted into its own.

    Args:
        height, width: in pixels; an odd side loses its last row or column.
        fps: frames a second that the camera announces; it takes frames at any time.

    Raises:
        DependencyError: pyvirtualcam is not installed.
        OutputError: this computer has no virtual camera.

    Examples:
        It needs a virtual camera driver.

        >>> camera = VirtualCamera(480, 640)  # doctest: +SKIP
        >>> camera.write(np.zeros((480, 640, 3), np.uint8))  # doctest: +SKIP
        >>> camera.close()  # doctest: +SKIP
    """

    def __init__(self, height: int, width: int, fps: float = 30.0) -> None:
        package = pyvirtualcam()
        self._shape = height, width
        with _explained():
            # Colour planes have half the width and height, so the sides must be even.
            self._camera: Any = package.Camera(
                width=width // 2 * 2, height=height // 2 * 2, fps=fps, fmt=package.PixelFormat.BGR
            )
        self.device: str = self._camera.device
        """Its name, by which other programs choose it."""

    def write(self, image: NDArray[np.uint8]) -> None:
        """Show (H, W, 3) uint8 BGR to the programs that watch; never waits for them.

        Raises:
            OutputError: the virtual camera went away.
        """
        fitted = letterbox(image, *self._shape)[: self._camera.height, : self._camera.width]
        with _explained():
            self._camera.send(np.ascontiguousarray(fitted))

    def close(self) -> None:
        """Give the camera back; harmless twice."""
        self._camera.close()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, OSError) as error:
        how = _HOW.get("linux" if sys.platform.startswith("linux") else sys.platform, "see pyvirtualcam's README")
        reason = " ".join(str(error).split()).rstrip(".")
        raise OutputError(
            f"no virtual camera can be used here ({reason}): {how}", parameter="virtual_camera"
        ) from error
