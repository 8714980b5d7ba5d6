"""How raw frames lie in memory, by FFmpeg's names: planes one after the other, rows without padding."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av.video.plane

Colors = Literal["rgb", "yuv", "gray"]


@dataclass(frozen=True)
class Plane:
    """One plane: bytes per sample, and by how many the image's width and height are divided, rounded up."""

    sample_bytes: int = 1
    across: int = 1
    down: int = 1

    def rows(self, width: int, height: int) -> tuple[int, int]:
        """Count of rows and bytes per row for an image of that size."""
        return -(-height // self.down), -(-width // self.across) * self.sample_bytes


@dataclass(frozen=True)
class PixelFormat:
    """A layout of 8-bit pixels."""

    name: str
    colors: Colors
    planes: tuple[Plane, ...]
    alpha: bool = False

    def frame_bytes(self, width: int, height: int) -> int:
        """Size of one frame."""
        return sum(rows * row_bytes for rows, row_bytes in (plane.rows(width, height) for plane in self.planes))


_HALF, _QUARTER = Plane(across=2), Plane(across=2, down=2)

PIXEL_FORMATS = {
    format.name: format
    for format in (
        PixelFormat("bgr24", "rgb", (Plane(3),)),
        PixelFormat("rgb24", "rgb", (Plane(3),)),
        PixelFormat("rgba", "rgb", (Plane(4),), alpha=True),
        PixelFormat("gray", "gray", (Plane(),)),
        PixelFormat("nv12", "yuv", (Plane(), Plane(2, across=2, down=2))),
        PixelFormat("yuv420p", "yuv", (Plane(), _QUARTER, _QUARTER)),
        PixelFormat("yuv422p", "yuv", (Plane(), _HALF, _HALF)),
        PixelFormat("yuv444p", "yuv", (Plane(), Plane(), Plane())),
    )
}


def plane_pixels(plane: "av.video.plane.VideoPlane", rows: int, row_bytes: int) -> NDArray[np.uint8]:
    """A decoded or converted frame's plane in place, uint8 (rows, row_bytes), without the padding of its rows."""
    whole: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8, rows * plane.line_size)
    return whole.reshape(rows, plane.line_size)[:, :row_bytes]


def bytes_of(pixels: NDArray[np.uint8]) -> memoryview:
    """The memory of a contiguous array, byte by byte."""
    return memoryview(pixels.data).cast("B")
