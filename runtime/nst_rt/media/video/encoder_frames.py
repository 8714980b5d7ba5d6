"""BGR frames converted to the frames that x264 encodes, for videos and recordings alike."""

import av
import cv2
import numpy as np

from nst_rt.contract import Frame
from nst_rt.media.pixels.bgr_to_yuv import BgrToYuv
from nst_rt.media.pixels.color_spaces import ColorSpace
from nst_rt.media.pixels.pixel_formats import PIXEL_FORMATS, plane_pixels

PIXELS = PIXEL_FORMATS["yuv420p"]
X264_CHROMA = {"chroma_sample_location": "center"}
"""An option for x264: `BgrToYuv` puts each chroma sample into the centre of its pixels. Without the option H.264 means
`left`, and every copy would move the colours by half a pixel."""


class EncoderFrames:
    """Converts frames of one size to 4:2:0. Not to be shared by threads.

    Args:
        width, height: of the BGR frames, in pixels. An odd side gets one more row or column, a copy of the last.
        colors: BT.709 or BT.601, and the range; the results are tagged with them.
    """

    def __init__(self, width: int, height: int, colors: ColorSpace) -> None:
        self.width, self.height = width + width % 2, height + height % 2
        """Of the results."""
        self._border = 0, height % 2, 0, width % 2
        self._colors = colors
        self._to_yuv = BgrToYuv(self.width, self.height, PIXELS, colors)
        self._layout = [plane.rows(self.width, self.height) for plane in PIXELS.planes]

    def __call__(self, bgr: Frame) -> av.VideoFrame:
        """A new frame for the encoder, of a BGR frame uint8 (height, width, 3)."""
        if any(self._border):
            bgr = np.asarray(cv2.copyMakeBorder(bgr, *self._border, cv2.BORDER_REPLICATE), np.uint8)
        frame = av.VideoFrame(self.width, self.height, PIXELS.name)
        planes = [plane_pixels(plane, *rows) for plane, rows in zip(frame.planes, self._layout, strict=True)]
        self._to_yuv.fill(np.ascontiguousarray(bgr), planes)
        frame.colorspace, frame.color_range = self._colors.matrix, self._colors.range
        return frame
