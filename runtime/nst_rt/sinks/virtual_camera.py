"""A camera that other programs can choose, through pyvirtualcam."""

import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import DependencyError, OutputError
from nst_rt.sinks.letterbox import letterbox

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
            "a virtual camera needs pyvirtualcam, which is not installed: pip install 'nst-rt[virtual-camera]'"
        ) from error
    module: ModuleType = pyvirtualcam
    return module


class VirtualCamera:
    """Opens with the size of the first picture and keeps it; pictures of another size are fitted in.

    Raises:
        DependencyError: pyvirtualcam is not installed.
        OutputError: from `write`, when this computer has no virtual camera or it went away.
    """

    def __init__(self, fps: float = 30.0) -> None:
        self._package = pyvirtualcam()
        self._fps = fps
        self._camera: Any = None
        self.device = ""
        """The device other programs see; empty before the first picture."""

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Show (H, W, 3) uint8 BGR to whoever watches; never waits for them."""
        try:
            if self._camera is None:
                height, width = picture.shape[:2]
                # The loopback's colour planes are half as large: odd sides have no place there.
                self._camera = self._package.Camera(
                    width=width // 2 * 2, height=height // 2 * 2, fps=self._fps, fmt=self._package.PixelFormat.BGR
                )
                self.device = self._camera.device
            fitted = letterbox(picture, self._camera.height, self._camera.width)
            self._camera.send(np.ascontiguousarray(fitted))
        except (RuntimeError, OSError) as error:
            how = _HOW.get("linux" if sys.platform.startswith("linux") else sys.platform, "see pyvirtualcam's README")
            raise OutputError(f"no virtual camera can be used here ({_line(error)}): {how}") from error

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
