"""How near two arrays are, in decibels."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def psnr(first: NDArray[Any], second: NDArray[Any], peak: float = 255.0) -> float:
    """Peak signal-to-noise ratio of two arrays of one shape: infinite where they are equal, 0 where one is not finite.

    Args:
        peak: the range that values can have.
    """
    error = float(np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2))
    if not math.isfinite(error):
        return 0.0
    return 10 * math.log10(peak**2 / error) if error else math.inf
