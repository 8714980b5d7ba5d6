"""What a frame in a slot is, checked, and how it becomes BGR and back."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import Frame
from nst_rt.errors import InputError
from nst_rt.media.pixels.frame_size import unfit_sides
from nst_rt.media.pixels.pixel_formats import PIXEL_FORMATS
from nst_rt.media.raw_frames.bgr_to_raw import frame_packer
from nst_rt.media.raw_frames.raw_to_bgr import frame_buffers
from nst_rt.media.raw_frames.stream_format import StreamFormat
from nst_rt.shared_memory.layout import PIXEL_FORMAT_CODES, PIXEL_FORMAT_NAMES, SlotHeader

Bytes = NDArray[np.uint8]
"""(count,)."""

StylizeInto = Callable[[Frame, Frame], None]
"""From a frame uint8 (H, W, 3) BGR to memory of the same shape, which it fills."""

_KEPT = 4
"""Sizes and kinds of pixels whose converters are kept."""


@dataclass(frozen=True)
class FrameLayout:
    """Size and kind of one frame."""

    width: int
    height: int
    pixels: str
    """By FFmpeg's name."""

    @classmethod
    def of(cls, header: SlotHeader, room: int) -> "FrameLayout":
        """What a slot says it holds.

        Raises:
            InputError: that cannot be, or is more than `room` bytes.
        """
        code = header.pixel_format
        if code not in PIXEL_FORMAT_NAMES:
            raise InputError(f"pixel format {code} is none of 1 to {len(PIXEL_FORMAT_NAMES)}")
        layout = cls(header.width, header.height, PIXEL_FORMAT_NAMES[code])
        layout.check(room)
        if (header.stride, header.size) != (layout.stride, layout.size):
            raise InputError(
                f"{layout} has rows of {layout.stride} bytes, {layout.size} in all; not {header.stride}, {header.size}"
            )
        return layout

    @property
    def stride(self) -> int:
        """Bytes of a row of the first plane."""
        return PIXEL_FORMATS[self.pixels].planes[0].rows(self.width, self.height)[1]

    @property
    def size(self) -> int:
        """Bytes of all planes."""
        return PIXEL_FORMATS[self.pixels].frame_bytes(self.width, self.height)

    def check(self, room: int) -> None:
        """Raise InputError unless the sides are right and `room` bytes suffice."""
        if why := unfit_sides(self.width, self.height):
            raise InputError(f"{why}. Scale it first")
        if self.size > room:
            raise InputError(f"{self} is over the {room} bytes of a slot. Start nst-rt share with a larger --size")

    def write_to(self, header: SlotHeader) -> None:
        """Say it in a slot."""
        header.width, header.height, header.stride = self.width, self.height, self.stride
        header.pixel_format, header.size = PIXEL_FORMAT_CODES[self.pixels], self.size

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the frame as an array: (H, W, channels) or (H, W); (bytes,) for YUV."""
        format = PIXEL_FORMATS[self.pixels]
        if format.colors == "yuv":
            return (self.size,)
        channels = format.planes[0].sample_bytes
        return (self.height, self.width) if channels == 1 else (self.height, self.width, channels)

    def view(self, memory: Bytes) -> NDArray[np.uint8]:
        """The frame at the beginning of `memory`, in place."""
        return memory[: self.size].reshape(self.shape)

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {self.pixels}"


class SlotStylizer:
    """Stylises from slot to slot: BGR in place, everything else by way of BGR.

    Args:
        stylize: the network.
        matrix, range: of YUV and gray, as `StreamFormat` takes them.
    """

    def __init__(self, stylize: StylizeInto, matrix: str = "auto", range: str = "auto") -> None:
        self._stylize = stylize
        self._matrix, self._range = matrix, range
        self._converters: OrderedDict[FrameLayout, StylizeInto] = OrderedDict()

    def __call__(self, layout: FrameLayout, frame: Bytes, result: Bytes) -> None:
        """Fill `result` with the stylised frame, of the same layout; both have room for it.

        Raises:
            NstError: of the network.
        """
        if layout.pixels == "bgr24":
            self._stylize(layout.view(frame), layout.view(result))
            return
        if layout not in self._converters:
            self._converters[layout] = self._converter(layout)
            while len(self._converters) > _KEPT:
                self._converters.popitem(last=False)
        self._converters.move_to_end(layout)
        self._converters[layout](frame[: layout.size], result[: layout.size])

    def _converter(self, layout: FrameLayout) -> StylizeInto:
        format = StreamFormat.of_raw(layout.width, layout.height, layout.pixels, matrix=self._matrix, range=self._range)
        (buffer,) = frame_buffers(format, 1)
        packer = frame_packer(format)
        made = np.empty((layout.height, layout.width, 3), np.uint8)

        def convert(frame: Bytes, result: Bytes) -> None:
            np.frombuffer(buffer.data, np.uint8)[: len(frame)] = frame
            bgr, alpha = buffer.to_bgr()
            self._stylize(bgr, made)
            at = 0
            for piece in packer.pack(made, alpha):
                result[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
                at += len(piece)

        return convert
