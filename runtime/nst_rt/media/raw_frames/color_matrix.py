"""Which colour matrix and range raw frames and yuv4mpegpipe streams have: as asked for, else as players assume."""

from dataclasses import replace

from nst_rt.media.pixels.color_spaces import BT601, BT709, FULL, LIMITED, ColorSpace, assumed_colors
from nst_rt.media.pixels.pixel_formats import PixelFormat

MATRICES = {"bt601": BT601, "bt709": BT709}
RANGES = {"limited": LIMITED, "full": FULL}
"""What callers may ask for; anything else, such as "auto", leaves the choice to the functions below."""


def chosen_colors(width: int, height: int, pixels: PixelFormat, *, matrix: str, range: str) -> ColorSpace:
    """The colours of frames of one size and layout.

    Args:
        width, height: in pixels.
        pixels: their layout.
        matrix: one of `MATRICES`; "auto" is BT.709 from 720 rows up and BT.601 below.
        range: one of `RANGES`; "auto" is limited, and full for gray.
    """
    colors = MATRICES.get(matrix) or assumed_colors(width, height)
    return replace(colors, range=chosen_range(pixels, range))


def chosen_range(pixels: PixelFormat, range: str) -> int:
    """`LIMITED` or `FULL`, chosen as `chosen_colors` does."""
    return RANGES.get(range) or (FULL if pixels.colors == "gray" else LIMITED)
