"""BGR frames converted to the planes of YUV, for pipes and videos alike.

OpenCV has vector code for each step and takes a fifth of the time of swscale with its accurate rounding.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import BT601_LUMINANCE, Frame
from nst_rt.media.pixels.color_spaces import BT709, FULL, ColorSpace
from nst_rt.media.pixels.pixel_formats import PixelFormat

_BT709_LUMINANCE = (0.0722, 0.7152, 0.2126)
"""Shares of blue, green and red."""


def bgr_to_yuv_matrix(colors: ColorSpace) -> NDArray[np.float32]:
    """The matrix of ITU-R BT.601 or BT.709 from BGR of full range to YUV, as `cv2.transform` takes it.

    Returns:
        float32 (3, 4): a row each for Y, U and V; the factors of blue, green and red (0 to 255), and what is added.
    """
    luminance = np.array(_BT709_LUMINANCE if colors.matrix == BT709.matrix else BT601_LUMINANCE)
    blue, _, red = luminance
    luma_scale, chroma_scale, black = (1.0, 1.0, 0.0) if colors.range == FULL else (219 / 255, 224 / 255, 16.0)
    u = chroma_scale * (np.array([1.0, 0.0, 0.0]) - luminance) / (2 - 2 * blue)
    v = chroma_scale * (np.array([0.0, 0.0, 1.0]) - luminance) / (2 - 2 * red)
    return np.column_stack([np.stack([luma_scale * luminance, u, v]), [black, 128.0, 128.0]]).astype(np.float32)


class BgrToYuv:
    """Converts BGR frames of one size. Not to be shared by threads.

    A chroma sample is that of the mean of the pixels that it stands for, so it lies in their centre. At an odd side
    the last pixel has a sample of its own. No number differs from the exact one by more than 1.2, no luma by more
    than 0.7.

    Args:
        width, height: of the frames, in pixels.
        pixels: a layout of YUV.
        colors: BT.709 or BT.601, and the range.
    """

    def __init__(self, width: int, height: int, pixels: PixelFormat, colors: ColorSpace) -> None:
        self._matrix = bgr_to_yuv_matrix(colors)
        chroma = pixels.planes[-1]
        rows, row_bytes = chroma.rows(width, height)
        columns = row_bytes // chroma.sample_bytes
        self._subsampled = (rows, columns) != (height, width)
        self._interleaved = chroma.sample_bytes == 2
        self._chroma_size = columns, rows
        self._border = 0, rows * chroma.down - height, 0, columns * chroma.across - width
        self._yuv = np.empty((height, width, 3), np.uint8)
        self._means = np.empty((rows, columns, 3), np.uint8)
        self._samples = np.empty((rows, columns, 3), np.uint8)
        self._unused_luma = np.empty((rows, columns), np.uint8)

    def fill(self, bgr: Frame, planes: Sequence[NDArray[np.uint8]]) -> None:
        """Convert a frame into memory.

        Args:
            bgr: uint8 (height, width, 3).
            planes: where the result goes, each uint8 (rows, bytes per row), as `Plane.rows` says.
        """
        cv2.transform(bgr, self._matrix, dst=self._yuv)
        if not self._subsampled:
            cv2.split(self._yuv, planes)
            return
        cv2.extractChannel(self._yuv, 0, planes[0])
        if any(self._border):
            bgr = np.asarray(cv2.copyMakeBorder(bgr, *self._border, cv2.BORDER_REPLICATE), np.uint8)
        # The mean of pixels, not of chroma samples: OpenCV rounds halves up, which shifts blue, green and red alike,
        # but would tint samples.
        cv2.resize(bgr, self._chroma_size, dst=self._means, interpolation=cv2.INTER_AREA)
        cv2.transform(self._means, self._matrix, dst=self._samples)
        if self._interleaved:
            cv2.mixChannels([self._samples], [planes[1].reshape(*self._means.shape[:2], 2)], [1, 0, 2, 1])
        else:
            cv2.split(self._samples, [self._unused_luma, *planes[1:]])
