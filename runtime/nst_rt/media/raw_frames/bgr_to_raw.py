"""BGR frames converted to raw frames of every layout."""

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import Frame
from nst_rt.media.pixels.bgr_to_yuv import BgrToYuv, bgr_to_yuv_matrix
from nst_rt.media.pixels.pixel_formats import bytes_of
from nst_rt.media.raw_frames.stream_format import StreamFormat


class FramePacker(Protocol):
    """Lays out frames of one format. Not to be shared by threads."""

    def pack(self, bgr: Frame, alpha: NDArray[np.uint8] | None = None) -> list[memoryview]:
        """The bytes of a frame in pieces, valid until the next call.

        Args:
            bgr: uint8 (height, width, 3).
            alpha: uint8 (height, width), for rgba only; None is opaque.
        """
        ...


def frame_packer(format: StreamFormat) -> FramePacker:
    """What lays out frames of this format."""
    if format.pixels.colors == "yuv":
        return _YuvPacker(format)
    if format.pixels.colors == "gray":
        return _GrayPacker(format)
    if format.pixels.name == "bgr24":
        return _BgrPacker()
    return _RgbaPacker(format) if format.pixels.alpha else _RgbPacker(format)


class _BgrPacker:
    def pack(self, bgr: Frame, alpha: NDArray[np.uint8] | None = None) -> list[memoryview]:
        return [bytes_of(np.ascontiguousarray(bgr))]


class _RgbPacker:
    def __init__(self, format: StreamFormat) -> None:
        self._rgb = np.empty((format.height, format.width, 3), np.uint8)

    def pack(self, bgr: Frame, alpha: NDArray[np.uint8] | None = None) -> list[memoryview]:
        cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=self._rgb)
        return [bytes_of(self._rgb)]


class _RgbaPacker:
    def __init__(self, format: StreamFormat) -> None:
        self._rgba = np.empty((format.height, format.width, 4), np.uint8)

    def pack(self, bgr: Frame, alpha: NDArray[np.uint8] | None = None) -> list[memoryview]:
        cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA, dst=self._rgba)  # opaque
        if alpha is not None:
            self._rgba[..., 3] = alpha
        return [bytes_of(self._rgba)]


class _GrayPacker:
    def __init__(self, format: StreamFormat) -> None:
        self._gray = np.empty((format.height, format.width), np.uint8)
        self._luma_row = bgr_to_yuv_matrix(format.colors)[:1]

    def pack(self, bgr: Frame, alpha: NDArray[np.uint8] | None = None) -> list[memoryview]:
        cv2.transform(bgr, self._luma_row, dst=self._gray)
        return [bytes_of(self._gray)]


class _YuvPacker:
    def __init__(self, format: StreamFormat) -> None:
        width, height = format.width, format.height
        self._to_yuv = BgrToYuv(width, height, format.pixels, format.colors)
        self._planes = [np.empty(plane.rows(width, height), np.uint8) for plane in format.pixels.planes]

    def pack(self, bgr: Frame, alpha: NDArray[np.uint8] | None = None) -> list[memoryview]:
        self._to_yuv.fill(bgr, self._planes)
        return [bytes_of(plane) for plane in self._planes]
