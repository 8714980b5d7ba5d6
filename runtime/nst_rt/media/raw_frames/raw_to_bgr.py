"""Raw frames of every layout converted to BGR, in memory that is used again and again."""

from typing import Protocol, cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import Frame
from nst_rt.media.pixels.color_spaces import FULL
from nst_rt.media.pixels.pixel_formats import bytes_of
from nst_rt.media.pixels.yuv_to_bgr import YuvToBgr
from nst_rt.media.raw_frames.stream_format import StreamFormat

Alpha = NDArray[np.uint8]
"""(height, width), 0 is transparent."""


class FrameBuffer(Protocol):
    """Memory for one frame, as it comes and as BGR."""

    data: memoryview
    """To be filled with the bytes of a frame."""

    def to_bgr(self) -> tuple[Frame, Alpha | None]:
        """The frame that `data` holds, and its transparency; valid until `data` is filled again."""
        ...


def frame_buffers(format: StreamFormat, count: int) -> list[FrameBuffer]:
    """Memory for `count` frames. Two threads must not convert in buffers of one list at the same time."""
    if format.pixels.colors == "yuv":
        decoder = _YuvDecoder(format)
        return [_YuvBuffer(format, decoder) for _ in range(count)]
    if format.pixels.colors == "gray":
        return [_GrayBuffer(format) for _ in range(count)]
    if format.pixels.name == "bgr24":
        return [_BgrBuffer(format) for _ in range(count)]
    return [_RgbBuffer(format) for _ in range(count)]


class _BgrBuffer:
    """bgr24, which is BGR already."""

    def __init__(self, format: StreamFormat) -> None:
        self._bgr = np.zeros((format.height, format.width, 3), np.uint8)
        self.data = bytes_of(self._bgr)

    def to_bgr(self) -> tuple[Frame, Alpha | None]:
        return self._bgr, None


class _RgbBuffer:
    """rgb24 and rgba."""

    def __init__(self, format: StreamFormat) -> None:
        self._has_alpha = format.pixels.alpha
        self._pixels = np.zeros((format.height, format.width, 4 if self._has_alpha else 3), np.uint8)
        self._bgr = np.empty((format.height, format.width, 3), np.uint8)
        self.data = bytes_of(self._pixels)

    def to_bgr(self) -> tuple[Frame, Alpha | None]:
        cv2.cvtColor(self._pixels, cv2.COLOR_RGBA2BGR if self._has_alpha else cv2.COLOR_RGB2BGR, dst=self._bgr)
        return self._bgr, self._pixels[..., 3] if self._has_alpha else None


class _GrayBuffer:
    """One plane, of full or limited range."""

    def __init__(self, format: StreamFormat) -> None:
        self._gray = np.zeros((format.height, format.width), np.uint8)
        self._bgr = np.empty((format.height, format.width, 3), np.uint8)
        self.data = bytes_of(self._gray)
        self._full_range: NDArray[np.uint8] | None = None
        """The gray of full range for every gray of limited range."""
        if format.colors.range != FULL:
            self._full_range = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)

    def to_bgr(self) -> tuple[Frame, Alpha | None]:
        gray = self._gray if self._full_range is None else cv2.LUT(self._gray, self._full_range)
        cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR, dst=self._bgr)
        return self._bgr, None


class _YuvDecoder:
    """Makes FFmpeg's frames of packets of raw planes, without copying them.

    PyAV cannot say of a frame made from an array where its chroma samples lie, and swscale wants to know. FFmpeg's
    decoder for raw video can.
    """

    def __init__(self, format: StreamFormat) -> None:
        self._decoder = av.VideoCodecContext.create("rawvideo", "r")
        self._decoder.width, self._decoder.height = format.width, format.height
        self._decoder.pix_fmt = format.pixels.name
        if format.siting is not None:
            self._decoder.options = {"chroma_sample_location": format.siting}
        self._to_bgr = YuvToBgr(format.colors)

    def to_bgr(self, packet: "av.Packet[av.VideoStream]", out: Frame) -> Frame:
        (frame,) = self._decoder.decode(packet)
        return self._to_bgr(frame, out)


class _YuvBuffer:
    """nv12 and planar YUV."""

    def __init__(self, format: StreamFormat, decoder: _YuvDecoder) -> None:
        self._packet = cast("av.Packet[av.VideoStream]", av.Packet(format.frame_bytes))
        self._bgr = np.empty((format.height, format.width, 3), np.uint8)
        self.data = memoryview(self._packet).cast("B")
        self._decoder = decoder

    def to_bgr(self) -> tuple[Frame, Alpha | None]:
        return self._decoder.to_bgr(self._packet, self._bgr), None
