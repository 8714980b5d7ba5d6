"""BGR frames laid out as raw pixels of any kind."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import Frame
from nst_rt.media.pixels.pixel_formats import bytes_of
from nst_rt.media.pixels.yuv_matrices import bgr_to_yuv
from nst_rt.media.pixels.yuv_planes import yuv_filler
from nst_rt.media.raw_frames.stream_format import StreamFormat

Pack = Callable[[Frame, NDArray[np.uint8] | None], list[memoryview]]
"""From BGR and transparency uint8 (height, width) or None to the frame's bytes in pieces, valid until the next call."""


def packer(format: StreamFormat) -> Pack:
    """What lays out frames of this format."""
    if format.pixels.colors == "yuv":
        return _yuv(format)
    if format.pixels.colors == "gray":
        return _gray(format)
    if format.pixels.name == "bgr24":
        return lambda bgr, alpha: [bytes_of(np.ascontiguousarray(bgr))]
    if format.pixels.alpha:
        return _rgba(format)
    rgb = np.empty((format.height, format.width, 3), np.uint8)

    def pack(bgr: Frame, alpha: NDArray[np.uint8] | None) -> list[memoryview]:
        cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=rgb)
        return [bytes_of(rgb)]

    return pack


def _rgba(format: StreamFormat) -> Pack:
    rgba = np.empty((format.height, format.width, 4), np.uint8)

    def pack(bgr: Frame, alpha: NDArray[np.uint8] | None) -> list[memoryview]:
        cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA, dst=rgba)  # opaque
        if alpha is not None:
            rgba[..., 3] = alpha
        return [bytes_of(rgba)]

    return pack


def _gray(format: StreamFormat) -> Pack:
    gray = np.empty((format.height, format.width), np.uint8)
    row = bgr_to_yuv(format.colors)[:1]

    def pack(bgr: Frame, alpha: NDArray[np.uint8] | None) -> list[memoryview]:
        cv2.transform(bgr, row, dst=gray)
        return [bytes_of(gray)]

    return pack


def _yuv(format: StreamFormat) -> Pack:
    fill = yuv_filler(format.width, format.height, format.pixels, format.colors)
    planes = [np.empty(plane.rows(format.width, format.height), np.uint8) for plane in format.pixels.planes]

    def pack(bgr: Frame, alpha: NDArray[np.uint8] | None) -> list[memoryview]:
        fill(bgr, planes)
        return [bytes_of(plane) for plane in planes]

    return pack
