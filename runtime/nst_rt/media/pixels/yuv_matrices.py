"""The matrices from BGR of full range to YUV, of ITU-R BT.601 and BT.709, as `cv2.transform` takes them."""

import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import BT601_LUMINANCE
from nst_rt.media.pixels.color_spaces import BT709, FULL, ColorSpace

_BT709_LUMINANCE = (0.0722, 0.7152, 0.2126)
"""Shares of blue, green and red."""


def bgr_to_yuv(colors: ColorSpace) -> NDArray[np.float32]:
    """Float32 (3, 4): rows Y, U and V, columns blue, green, red and what is added; of numbers from 0 to 255."""
    luminance = np.array(_BT709_LUMINANCE if colors.matrix == BT709.matrix else BT601_LUMINANCE)
    blue, _, red = luminance
    light, color, black = (1.0, 1.0, 0.0) if colors.range == FULL else (219 / 255, 224 / 255, 16.0)
    u = color * (np.array([1.0, 0.0, 0.0]) - luminance) / (2 - 2 * blue)
    v = color * (np.array([0.0, 0.0, 1.0]) - luminance) / (2 - 2 * red)
    return np.column_stack([np.stack([light * luminance, u, v]), [black, 128.0, 128.0]]).astype(np.float32)
