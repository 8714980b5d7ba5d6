"""Decoded frames, of any layout that FFmpeg knows, converted to BGR by swscale."""

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from nst_rt.contract import Frame
from nst_rt.media.pixels.color_spaces import FULL, ColorSpace
from nst_rt.media.pixels.pixel_formats import plane_pixels

# swscale's flags. Without the first two it truncates where it should round and repeats chroma over pairs of pixels,
# and every pass through YUV darkens the image by about two steps of 255.
_ACCURATE_ROUNDING, _FULL_CHROMA, _BILINEAR, _AREA = 0x40000, 0x2000, 0x2, 0x20
SAME_SIZE = _BILINEAR | _ACCURATE_ROUNDING | _FULL_CHROMA
OTHER_SIZE = _AREA | _ACCURATE_ROUNDING | _FULL_CHROMA
"""How swscale converts, as its `interpolation`."""


class YuvToBgr:
    """Converts the decoded frames of one stream. Not to be shared by threads.

    Args:
        colors: what the frames' numbers mean.
        size: width and height of the results in pixels; those of the frames if left out.
    """

    def __init__(self, colors: ColorSpace, size: tuple[int, int] | None = None) -> None:
        self._colors, self._size = colors, size
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame, out: Frame | None = None) -> Frame:
        """The frame as BGR of full range, uint8 (height, width, 3).

        Args:
            out: memory for the result; new memory if left out.
        """
        width, height = self._size or (frame.width, frame.height)
        scaled = (frame.width, frame.height) != (width, height)
        # swscale has vector code for planes; bgr24 in one step gives the same numbers ten times slower.
        planar = self._reformatter.reformat(
            frame,
            width,
            height,
            "gbrp",
            src_colorspace=self._colors.swscale_matrix,
            src_color_range=self._colors.range,
            dst_color_range=FULL,
            interpolation=OTHER_SIZE if scaled else SAME_SIZE,
        )
        green, blue, red = (plane_pixels(plane, height, width) for plane in planar.planes)
        return np.asarray(cv2.merge([blue, green, red], out), np.uint8)
