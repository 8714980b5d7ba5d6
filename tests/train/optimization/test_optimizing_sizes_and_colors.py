"""Sizes from coarse to fine, and the photograph's colours."""

import cv2
import numpy as np
import pytest
from nst_rt.errors import InputError, StyleError
from nst_train.optimization.colors import check_color, keep_colors
from nst_train.optimization.sizes import automatic_sizes, painting_side, parse_sizes


def test_large_images_begin_small() -> None:
    assert automatic_sizes(640) == (640,)
    assert automatic_sizes(1920) == (480, 960, 1920)
    assert automatic_sizes(1001) == (500, 1001)
    assert parse_sizes("100, 200", 300) == (100, 200)


@pytest.mark.parametrize(
    ("text", "message"),
    [("480,", "like 480,960"), ("200,100", "sizes rise"), ("10,100", "from 64"), ("100,400", "photograph has 300 px")],
)
def test_sizes_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_sizes(text, 300)


def test_paintings_grow_with_the_image_as_far_as_they_go() -> None:
    assert painting_side(430, 3000, 640) == 640
    assert painting_side(430, 300, 640) == 640
    assert painting_side(1920, 3000, 640) == 1920
    assert painting_side(1920, 900, 640) == 900


def test_color_mixes_as_the_contract_says(photograph: np.ndarray) -> None:
    stylised = np.ascontiguousarray(photograph[:, ::-1] // 2 + 60)
    photograph = photograph // 4 + 96  # far from black and white, so that nothing is cut off
    luma = np.array([0.299, 0.587, 0.114])
    assert (keep_colors(stylised, photograph, 1.0) == stylised).all()
    kept = keep_colors(stylised, photograph, 0.0).astype(float)
    np.testing.assert_allclose(kept @ luma, stylised @ luma, atol=0.6)
    half = keep_colors(stylised, photograph, 0.5)
    np.testing.assert_allclose(half, (kept + stylised) / 2, atol=1.1)


def test_hues_stay_where_there_is_no_room_for_them() -> None:
    random = np.random.default_rng(0)
    hues = random.uniform([0, 0.3, 0.3], [360, 1, 1], (40, 40, 3)).astype(np.float32)
    photograph = (255 * cv2.cvtColor(hues, cv2.COLOR_HSV2RGB)).round().astype(np.uint8)
    brightness = random.integers(0, 256, (40, 40, 1)).astype(np.uint8)
    kept = keep_colors(np.repeat(brightness, 3, 2), photograph, 0.0)
    found = cv2.cvtColor(kept.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    colored = np.ptp(kept.astype(int), 2) > 40
    assert colored.mean() > 0.5
    turned = (found[..., 0] - hues[..., 0] + 180) % 360 - 180
    assert np.abs(turned[colored]).max() < 2  # by rounding alone; clipping turns them by up to 50 degrees


@pytest.mark.parametrize("color", [-0.1, 1.1, float("nan")])
def test_color_out_of_range(color: float) -> None:
    with pytest.raises(StyleError, match="from 0 to 1"):
        check_color(color)
