"""How a video's stored pixels are turned to be upright, as phones ask for."""

from typing import cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray


class Turn:
    """Swap rows and columns, then mirror: the eight ways to lay a rectangle on its sides."""

    def __init__(self, swap: bool, mirror_x: bool, mirror_y: bool) -> None:
        self.swap, self.mirror_x, self.mirror_y = swap, mirror_x, mirror_y

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.swap:
            pixels = np.asarray(cv2.transpose(pixels), np.uint8)
        if self.mirror_x or self.mirror_y:
            code = -1 if self.mirror_x and self.mirror_y else 1 if self.mirror_x else 0
            pixels = np.asarray(cv2.flip(pixels, code), np.uint8)
        return pixels


def turning(frame: av.VideoFrame) -> tuple[int, Turn]:
    """Degrees clockwise and the way to turn a video's stored pixels, from its display matrix."""
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return 0, Turn(False, False, False)
    a, b, _, c, d = (int(value) for value in np.frombuffer(cast(bytes, side_data), np.int32)[:5])
    # (x, y) is shown at (ax + cy, bx + dy).
    swap = abs(b) > abs(a)
    mirror_x, mirror_y = (c < 0, b < 0) if swap else (a < 0, d < 0)
    degrees = (90 if mirror_x else 270) if swap else (180 if mirror_y else 0)
    return degrees, Turn(swap, mirror_x, mirror_y)
