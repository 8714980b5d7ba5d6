"""How raw frames lie in memory: planes one after the other, rows without padding. The names are FFmpeg's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av.video.plane

Colors = Literal["rgb", "yuv", "gray"]


@dataclass(frozen=True)
class Plane:
    """One plane of a frame."""

    sample_bytes: int = 1
    across: int = 1
    """How many pixels of a row share a sample; an incomplete group at the edge has a sample too."""
    down: int = 1
    """How many rows share one."""

    def rows(self, width: int, height: int) -> tuple[int, int]:
        """Number of rows and bytes per row in a frame of that size, in pixels."""
        return -(-height // self.down), -(-width // self.across) * self.sample_bytes


@dataclass(frozen=True)
class PixelFormat:
    """A layout of 8-bit pixels."""

    name: str
    """FFmpeg's name for it."""
    colors: Colors
    planes: tuple[Plane, ...]
    alpha: bool = False
    """Whether a pixel's fourth byte is its transparency."""

    def frame_bytes(self, width: int, height: int) -> int:
        """Bytes of a frame of that size, in pixels."""
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
    """A plane of one of FFmpeg's frames in place, uint8 (rows, row_bytes), without the padding of its rows."""
    padded: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8, rows * plane.line_size)
    return padded.reshape(rows, plane.line_size)[:, :row_bytes]


def bytes_of(pixels: NDArray[np.uint8]) -> memoryview:
    """The memory of a contiguous array as bytes, not copied."""
    return memoryview(pixels.data).cast("B")
