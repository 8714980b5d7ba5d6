"""How the stored pixels of a video are turned upright: phones store what their sensor sees, and a display matrix."""

from dataclasses import dataclass
from typing import cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Turn:
    """One of the eight ways to turn and mirror a frame: swap rows and columns, then mirror."""

    swap: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The turned frame, of uint8 (height, width, 3)."""
        if self.swap:
            pixels = np.asarray(cv2.transpose(pixels), np.uint8)
        if self.mirror_x or self.mirror_y:
            code = -1 if self.mirror_x and self.mirror_y else 1 if self.mirror_x else 0
            pixels = np.asarray(cv2.flip(pixels, code), np.uint8)
        return pixels


def turning(frame: av.VideoFrame) -> tuple[int, Turn]:
    """Degrees clockwise by which a video's stored pixels are to be turned, and what turns them."""
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return 0, Turn()
    a, b, _, c, d = (int(value) for value in np.frombuffer(cast(bytes, side_data), np.int32)[:5])
    # (x, y) is shown at (ax + cy, bx + dy).
    swap = abs(b) > abs(a)
    mirror_x, mirror_y = (c < 0, b < 0) if swap else (a < 0, d < 0)
    degrees = (90 if mirror_x else 270) if swap else (180 if mirror_y else 0)
    return degrees, Turn(swap, mirror_x, mirror_y)
