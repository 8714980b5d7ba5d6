"""The result of one frame, as a client reads it from a slot."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import InputError, NstError
from nst_rt.shared_memory.frame_layout import FrameLayout
from nst_rt.shared_memory.layout import SlotHeader, Status


@dataclass(frozen=True)
class ShareResult:
    """What the server made of one frame."""

    number: int
    """Number of the frame, as `ShareClient.send` returned it."""
    status: Status
    message: str
    """Why there are no pixels; empty if there are."""
    pixels: NDArray[np.uint8]
    """The stylised frame: (H, W, 3), (H, W, 4) or (H, W); (bytes,) for YUV; empty if there is none."""
    pixel_format: str
    """That of the frame, by FFmpeg's name; empty if there are no pixels."""
    time_ns: int
    """As it was sent."""
    tag: int
    """As it was sent."""
    sent_ns: int
    """When the frame was complete, in nanoseconds of CLOCK_MONOTONIC."""
    taken_ns: int
    """When the server took the frame."""
    written_ns: int
    """When the result was complete."""

    def stylized(self) -> NDArray[np.uint8]:
        """The pixels.

        Raises:
            InputError: the server refused the frame.
            NstError: the server could not stylise it.
        """
        if self.status is Status.STYLIZED:
            return self.pixels
        error = InputError if self.status is Status.REFUSED else NstError
        raise error(f"frame {self.number}: {self.message}")


def read_result(header: SlotHeader, pixels: NDArray[np.uint8], room: int) -> ShareResult:
    """The result in a slot, in place.

    Raises:
        ValueError, InputError: the header is not one that a server writes.
    """
    status, pixel_format = Status(header.status), ""
    if status is Status.STYLIZED:
        layout = FrameLayout.of(header, room)
        pixels, pixel_format = layout.view(pixels), layout.pixel_format
    else:
        pixels = pixels[:0]
    return ShareResult(
        header.number,
        status,
        header.message.decode(errors="replace"),
        pixels,
        pixel_format,
        header.time_ns,
        header.tag,
        header.sent_ns,
        header.taken_ns,
        header.written_ns,
    )
