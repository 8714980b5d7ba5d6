import math

import numpy as np
from nst_export.parity.psnr import psnr


def test_decibels_by_hand() -> None:
    black, white = np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)
    assert psnr(black, white) == psnr(white, black) == 0
    assert math.isclose(psnr(black, black + 51), 20 * math.log10(5))
    assert math.isclose(psnr(np.float32([0, 1]), np.float32([0, 0.5]), peak=1.0), 10 * math.log10(8))


def test_equal_and_not_finite() -> None:
    values = np.float32([1, 2])
    assert psnr(values, values) == math.inf
    assert psnr(values, np.float32([1, np.nan])) == psnr(values, np.float32([1, np.inf])) == 0
