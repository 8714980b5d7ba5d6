"""BGR frames laid out as raw pixels of any kind."""

from collections.abc import Callable

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from nst_rt.pixel_formats import bytes_of, plane_pixels
from nst_rt.pixels import Image
from nst_rt.sources.film_colors import BT709, FULL, to_yuv
from nst_rt.stream_format import StreamFormat

Pack = Callable[[Image, NDArray[np.uint8] | None], list[memoryview]]
"""From BGR and transparency uint8 (height, width) or None to the frame's bytes in pieces, valid until the next call."""

_WEIGHTS = {"bt601": (0.114, 0.587, 0.299), "bt709": (0.0722, 0.7152, 0.2126)}
"""Of blue, green and red in the luminance, by ITU-R BT.601 and BT.709."""


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

    def pack(bgr: Image, alpha: NDArray[np.uint8] | None) -> list[memoryview]:
        cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=rgb)
        return [bytes_of(rgb)]

    return pack


def _rgba(format: StreamFormat) -> Pack:
    rgba = np.empty((format.height, format.width, 4), np.uint8)

    def pack(bgr: Image, alpha: NDArray[np.uint8] | None) -> list[memoryview]:
        cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA, dst=rgba)  # opaque
        if alpha is not None:
            rgba[..., 3] = alpha
        return [bytes_of(rgba)]

    return pack


def _gray(format: StreamFormat) -> Pack:
    gray = np.empty((format.height, format.width), np.uint8)
    scale, offset = (1.0, 0.0) if format.colors.range == FULL else (219 / 255, 16.0)
    weights = _WEIGHTS["bt709" if format.colors.matrix == BT709.matrix else "bt601"]
    row = np.array([[*(weight * scale for weight in weights), offset]], np.float32)

    def pack(bgr: Image, alpha: NDArray[np.uint8] | None) -> list[memoryview]:
        cv2.transform(bgr, row, dst=gray)
        return [bytes_of(gray)]

    return pack


def _yuv(format: StreamFormat) -> Pack:
    reformatter = VideoReformatter()
    layout = [plane.rows(format.width, format.height) for plane in format.pixels.planes]

    def pack(bgr: Image, alpha: NDArray[np.uint8] | None) -> list[memoryview]:
        picture = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(bgr), format="bgr24")
        frame = to_yuv(reformatter, picture, format.pixels.name, format.colors)
        # Only planes whose rows are padded are copied.
        return [
            bytes_of(np.ascontiguousarray(plane_pixels(plane, *rows)))
            for plane, rows in zip(frame.planes, layout, strict=True)
        ]

    return pack
