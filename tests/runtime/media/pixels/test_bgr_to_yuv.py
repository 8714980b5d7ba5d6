"""BGR laid out as planes of YUV: every number beside the exact one, and no tint."""

from dataclasses import replace

import numpy as np
import pytest
from nst_rt.media.pixels.bgr_to_yuv import BgrToYuv
from nst_rt.media.pixels.color_spaces import BT601, BT709, FULL, ColorSpace
from nst_rt.media.pixels.pixel_formats import PIXEL_FORMATS
from numpy.typing import NDArray

_RANDOM = np.random.default_rng(0)
NOISE = _RANDOM.integers(0, 256, (50, 86, 3), np.uint8)
EXTREMES = _RANDOM.choice(np.array([0, 1, 254, 255], np.uint8), (400, 600, 3))
"""Where clipping and rounding add up."""
ALL_COLORS = [BT601, BT709, replace(BT601, range=FULL), replace(BT709, range=FULL)]
YUV = ["nv12", "yuv420p", "yuv422p", "yuv444p"]


def exact(bgr: NDArray[np.uint8], colors: ColorSpace) -> NDArray[np.float64]:
    """Y, U and V of every pixel, by the definition of ITU-R BT.601 and BT.709."""
    kb, kr = (0.0722, 0.2126) if colors == replace(BT709, range=colors.range) else (0.114, 0.299)
    blue, green, red = np.moveaxis(bgr / 255, -1, 0)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr)
    if colors.range == FULL:
        return np.stack([255 * luma, 128 + 255 * cb, 128 + 255 * cr], -1).clip(0, 255)
    return np.stack([16 + 219 * luma, 128 + 224 * cb, 128 + 224 * cr], -1)


def means(samples: NDArray[np.float64], across: int, down: int) -> NDArray[np.float64]:
    """Of the pixels that a colour sample stands for; those past an odd edge are the last ones again."""
    height, width = samples.shape
    padded = np.pad(samples, ((0, -height % down), (0, -width % across)), "edge")
    return padded.reshape(padded.shape[0] // down, down, -1, across).mean((1, 3))


@pytest.mark.parametrize("name", YUV)
@pytest.mark.parametrize("colors", ALL_COLORS)
@pytest.mark.parametrize("odd", [0, 1])
@pytest.mark.parametrize("padding", [0, 10])
@pytest.mark.parametrize("image", [NOISE, EXTREMES], ids=["noise", "extremes"])
def test_numbers_are_the_nearest_ones(
    name: str, colors: ColorSpace, odd: int, padding: int, image: NDArray[np.uint8]
) -> None:
    bgr = np.ascontiguousarray(image[odd:, odd:])
    height, width = bgr.shape[:2]
    pixels = PIXEL_FORMATS[name]
    layout = [plane.rows(width, height) for plane in pixels.planes]
    # An encoder's rows are padded.
    planes = [np.zeros((rows, row_bytes + padding), np.uint8)[:, :row_bytes] for rows, row_bytes in layout]
    BgrToYuv(width, height, pixels, colors).fill(bgr, planes)
    wanted = exact(bgr, colors)
    luma, samples = planes[0], planes[1:]
    if name == "nv12":
        samples = [planes[1][:, 0::2], planes[1][:, 1::2]]
    chroma = pixels.planes[-1]
    assert np.abs(luma - wanted[..., 0]).max() <= 0.7
    for at, plane in enumerate(samples, 1):
        errors = plane - means(wanted[..., at], chroma.across, chroma.down)
        assert np.abs(errors).max() <= 1.2
        if image is NOISE:  # a few colours over and over do not even out
            assert abs(errors.mean()) < 0.03  # a tenth of a step is a tint that adds up from copy to copy
