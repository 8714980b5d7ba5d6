"""Size and pixel format of one frame in a slot, checked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import InputError
from nst_rt.media.pixels.frame_size import unfit_sides
from nst_rt.media.pixels.pixel_formats import PIXEL_FORMATS
from nst_rt.shared_memory.layout import PIXEL_FORMAT_CODES, PIXEL_FORMAT_NAMES, SlotHeader

Bytes = NDArray[np.uint8]
"""(count,)."""


@dataclass(frozen=True)
class FrameLayout:
    """Size and pixel format of one frame.

    >>> FrameLayout(64, 48, "bgr24").shape
    (48, 64, 3)
    """

    width: int
    height: int
    pixel_format: str
    """By FFmpeg's name."""

    @classmethod
    def of(cls, header: SlotHeader, room: int) -> "FrameLayout":
        """What the header of a slot says.

        Raises:
            InputError: no such frame is possible, or it needs more than `room` bytes.
        """
        code = header.pixel_format
        if code not in PIXEL_FORMAT_NAMES:
            raise InputError(f"pixel format {code} is none of 1 to {len(PIXEL_FORMAT_NAMES)}")
        layout = cls(header.width, header.height, PIXEL_FORMAT_NAMES[code])
        layout.check(room)
        if (header.stride, header.size) != (layout.stride, layout.size):
            raise InputError(
                f"{layout} has rows of {layout.stride} bytes and {layout.size} bytes in all, not {header.stride} and "
                f"{header.size}"
            )
        return layout

    @property
    def stride(self) -> int:
        """Bytes of a row of the first plane."""
        return PIXEL_FORMATS[self.pixel_format].planes[0].rows(self.width, self.height)[1]

    @property
    def size(self) -> int:
        """Bytes of all planes."""
        return PIXEL_FORMATS[self.pixel_format].frame_bytes(self.width, self.height)

    def check(self, room: int) -> None:
        """Check the sides, and that the frame fits into `room` bytes.

        Raises:
            InputError: it does not.
        """
        if why := unfit_sides(self.width, self.height):
            raise InputError(f"{why}. Scale it first")
        if self.size > room:
            raise InputError(f"{self} is over the {room} bytes of a slot. Start the server for larger frames")

    def write_to(self, header: SlotHeader) -> None:
        """Write it into the header of a slot."""
        header.width, header.height, header.stride = self.width, self.height, self.stride
        header.pixel_format, header.size = PIXEL_FORMAT_CODES[self.pixel_format], self.size

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the frame as an array: (H, W, channels) or (H, W); (bytes,) for YUV."""
        format = PIXEL_FORMATS[self.pixel_format]
        if format.colors == "yuv":
            return (self.size,)
        channels = format.planes[0].sample_bytes
        return (self.height, self.width) if channels == 1 else (self.height, self.width, channels)

    def view(self, memory: Bytes) -> NDArray[np.uint8]:
        """The frame at the beginning of `memory`, not copied."""
        return memory[: self.size].reshape(self.shape)

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {self.pixel_format}"
