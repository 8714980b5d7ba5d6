"""Decoded frames as BGR: the numbers of swscale's direct conversion."""

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from nst_rt.media.pixels.color_spaces import BT709
from nst_rt.media.pixels.pixel_formats import PIXEL_FORMATS
from nst_rt.media.pixels.yuv_to_bgr import OTHER_SIZE, SAME_SIZE, YuvToBgr


@pytest.mark.parametrize("size", [None, (40, 26)])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "nv12"])
def test_conversion_by_planes_gives_the_numbers_of_bgr24_in_one_step(pixels: str, size: tuple[int, int] | None) -> None:
    width, height = 66, 50
    noise = np.random.default_rng(0).integers(0, 256, PIXEL_FORMATS[pixels].frame_bytes(width, height), np.uint8)
    frame = av.VideoFrame.from_ndarray(noise.reshape((3, height, width) if "444" in pixels else (-1, width)), pixels)
    expected = VideoReformatter().reformat(
        frame,
        *(size or (width, height)),
        "bgr24",
        src_colorspace=1,
        src_color_range=1,
        dst_color_range=2,
        interpolation=OTHER_SIZE if size else SAME_SIZE,
    )
    assert (YuvToBgr(BT709, size)(frame) == expected.to_ndarray()).all()
