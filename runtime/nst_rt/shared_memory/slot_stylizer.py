"""Stylising a frame from one slot into another, whatever its pixel format."""

from collections import OrderedDict
from typing import Protocol

import numpy as np

from nst_rt.contract import Frame
from nst_rt.media.raw_frames.bgr_to_raw import frame_packer
from nst_rt.media.raw_frames.raw_to_bgr import frame_buffers
from nst_rt.media.raw_frames.stream_format import StreamFormat
from nst_rt.shared_memory.frame_layout import Bytes, FrameLayout

_KEPT = 4
"""Converters that are kept, one for each size and pixel format."""


class StylizeInto(Protocol):
    """What a server calls for every frame."""

    def __call__(self, frame: Frame, out: Frame, /) -> object:
        """Stylise `frame`, uint8 (H, W, 3) BGR, into `out`, which has the same shape.

        Raises:
            NstError: it cannot be stylised; the client gets the message, and the server goes on.
        """
        ...


class SlotStylizer:
    """Stylises from slot to slot. bgr24 is not copied; other pixel formats are converted to BGR and back.

    Args:
        stylize: the network.
        matrix, range: of YUV and gray, as `StreamFormat.of_raw` takes them.
    """

    def __init__(self, stylize: StylizeInto, matrix: str = "auto", range: str = "auto") -> None:
        self._stylize = stylize
        self._matrix, self._range = matrix, range
        self._converters: OrderedDict[FrameLayout, _Converter] = OrderedDict()

    def __call__(self, layout: FrameLayout, frame: Bytes, result: Bytes) -> None:
        """Fill `result` with the stylised frame in the same layout.

        Args:
            frame, result: uint8 (bytes,), both with room for the layout.

        Raises:
            NstError: the network failed.
        """
        if layout.pixel_format == "bgr24":
            self._stylize(layout.view(frame), layout.view(result))
            return
        converter = self._converter(layout)
        bgr = converter.to_bgr(frame[: layout.size])
        self._stylize(bgr, converter.stylized)
        converter.pack(result[: layout.size])

    def _converter(self, layout: FrameLayout) -> "_Converter":
        if layout not in self._converters:
            format = StreamFormat.of_raw(
                layout.width, layout.height, layout.pixel_format, matrix=self._matrix, range=self._range
            )
            self._converters[layout] = _Converter(format)
            while len(self._converters) > _KEPT:
                self._converters.popitem(last=False)
        self._converters.move_to_end(layout)
        return self._converters[layout]


class _Converter:
    """Memory for one frame as BGR, stylised and not."""

    def __init__(self, format: StreamFormat) -> None:
        (self._buffer,) = frame_buffers(format, 1)
        self._packer = frame_packer(format)
        self._alpha: Frame | None = None
        self.stylized = np.empty((format.height, format.width, 3), np.uint8)

    def to_bgr(self, frame: Bytes) -> Frame:
        np.frombuffer(self._buffer.data, np.uint8)[: len(frame)] = frame
        bgr, self._alpha = self._buffer.to_bgr()
        return bgr

    def pack(self, result: Bytes) -> None:
        at = 0
        for piece in self._packer.pack(self.stylized, self._alpha):
            result[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
            at += len(piece)
