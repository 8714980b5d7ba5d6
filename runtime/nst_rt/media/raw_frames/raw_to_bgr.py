"""Raw frames of any layout turned into BGR, in memory that is used again and again."""

from typing import Protocol, cast

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from nst_rt.contract import Frame
from nst_rt.media.pixels.color_spaces import FULL, to_bgr
from nst_rt.media.pixels.pixel_formats import bytes_of
from nst_rt.media.raw_frames.stream_format import StreamFormat

Alpha = NDArray[np.uint8]
"""(height, width), 0 is transparent."""


class FrameSlot(Protocol):
    """Memory for one frame, as it comes and as BGR."""

    data: memoryview
    """To be filled with a frame's bytes."""

    def unpack(self) -> tuple[Frame, Alpha | None]:
        """The frame that `data` holds, and its transparency; valid until `data` is filled again."""
        ...


def frame_slots(format: StreamFormat, count: int) -> list[FrameSlot]:
    """Memory for `count` frames. Slots of one list are not to be unpacked by two threads at once."""
    if format.pixels.colors == "yuv":
        converter = _YuvConverter(format)
        return [_YuvSlot(format, converter) for _ in range(count)]
    if format.pixels.name == "bgr24":
        return [_BgrSlot(format) for _ in range(count)]
    if format.pixels.colors == "gray":
        return [_GraySlot(format) for _ in range(count)]
    return [_RgbSlot(format) for _ in range(count)]


class _BgrSlot:
    """Nothing to do."""

    def __init__(self, format: StreamFormat) -> None:
        self._bgr = np.zeros((format.height, format.width, 3), np.uint8)
        self.data = bytes_of(self._bgr)

    def unpack(self) -> tuple[Frame, Alpha | None]:
        return self._bgr, None


class _RgbSlot:
    """rgb24 and rgba."""

    def __init__(self, format: StreamFormat) -> None:
        self._alpha = format.pixels.alpha
        self._pixels = np.zeros((format.height, format.width, 4 if self._alpha else 3), np.uint8)
        self._bgr = np.empty((format.height, format.width, 3), np.uint8)
        self.data = bytes_of(self._pixels)

    def unpack(self) -> tuple[Frame, Alpha | None]:
        cv2.cvtColor(self._pixels, cv2.COLOR_RGBA2BGR if self._alpha else cv2.COLOR_RGB2BGR, dst=self._bgr)
        return self._bgr, self._pixels[..., 3] if self._alpha else None


class _GraySlot:
    """One plane, of full or limited range."""

    def __init__(self, format: StreamFormat) -> None:
        self._gray = np.zeros((format.height, format.width), np.uint8)
        self._bgr = np.empty((format.height, format.width, 3), np.uint8)
        self.data = bytes_of(self._gray)
        self._levels: NDArray[np.uint8] | None = None
        if format.colors.range != FULL:
            self._levels = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)

    def unpack(self) -> tuple[Frame, Alpha | None]:
        gray = self._gray if self._levels is None else cv2.LUT(self._gray, self._levels)
        cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR, dst=self._bgr)
        return self._bgr, None


class _YuvConverter:
    """From a packet of raw planes to BGR.

    PyAV cannot say of a frame made from an array where its colour samples lie, and swscale wants to know. FFmpeg's
    decoder for raw video can, and it makes a frame of a packet without copying it.
    """

    def __init__(self, format: StreamFormat) -> None:
        self._colors = format.colors
        self._decoder = av.VideoCodecContext.create("rawvideo", "r")
        self._decoder.width, self._decoder.height = format.width, format.height
        self._decoder.pix_fmt = format.pixels.name
        if format.siting is not None:
            self._decoder.options = {"chroma_sample_location": format.siting}
        self._reformatter = VideoReformatter()

    def __call__(self, packet: "av.Packet[av.VideoStream]", into: Frame) -> Frame:
        (frame,) = self._decoder.decode(packet)
        return to_bgr(self._reformatter, frame, self._colors, into=into)


class _YuvSlot:
    def __init__(self, format: StreamFormat, converter: _YuvConverter) -> None:
        self._packet = cast("av.Packet[av.VideoStream]", av.Packet(format.frame_bytes))
        self._bgr = np.empty((format.height, format.width, 3), np.uint8)
        self.data = memoryview(self._packet).cast("B")
        self._converter = converter

    def unpack(self) -> tuple[Frame, Alpha | None]:
        return self._converter(self._packet, self._bgr), None
