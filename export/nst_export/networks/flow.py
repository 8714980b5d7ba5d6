"""Streaks along a smooth, swirling field: noise that has a direction, and another one everywhere.

Line integral convolution (Cabral & Leedom 1993, "Imaging Vector Fields Using Line Integral Convolution") of white
noise. A brush follows such lines; noise without direction leaves that to a network, which then strokes every sky the
same way.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LENGTH = 28.0
"""Reach of a streak to either side, in pixels of the photograph, fading out."""
ACROSS = 3.2
"""Deviation of the Gaussian that widens a streak, in pixels."""
STEP = 0.5
"""Of the walk along a line, in positions."""


class Flow(NamedTuple):
    """A field: the contour lines of smooth noise, and a drift across the picture."""

    swell: float
    """Deviation of the Gaussian that smooths the noise, in pixels; swirls are three to four times as far apart."""
    drift: float
    """To the right, in parts of the root mean square of the contour lines' own speed: at 0 they close into swirls, from
    1 on most are waves."""
    seed: int


FLOW = Flow(swell=104, drift=0.5, seed=35)
"""Of all noise: a stream with eddies, two of them in a picture of 640x480, to the left and right of its middle."""


def white_noise(seed: int, count: int, side: int) -> Array:
    """Uniform noise (count, side, side) in [-0.5, 0.5), of a bit generator's raw numbers, which NumPy promises to
    keep, so that it is the same everywhere."""
    raw = np.random.PCG64(seed).random_raw(count * side * side).astype(np.float64)
    return (raw / 2**64 - 0.5).reshape(count, side, side)


def blurred(fields: Array, width: float) -> Array:
    """Periodic fields (..., side, side) behind a Gaussian of `width` positions."""
    frequencies = np.fft.fftfreq(fields.shape[-1])
    squared = frequencies[:, None] ** 2 + frequencies[None] ** 2
    return np.asarray(np.fft.ifft2(np.fft.fft2(fields) * np.exp(-2 * (np.pi * width) ** 2 * squared)).real)


def field(flow: Flow, side: int, pixels: int) -> Array:
    """The field in a seamless tile: (2, side, side), its steps down and right, of mean square 1 before the drift.

    Args:
        side: positions along the tile, at least twice as many as swells fit in.
        pixels: of the photograph, for every position. Tiles of as many pixels show the same field.
    """
    extent = side * pixels
    waves = round(extent / flow.swell)  # finer ones do not survive the smoothing, whatever the tile's fineness
    order = np.fft.fftfreq(side, 1 / side)
    coarse = np.fft.fft2(white_noise(flow.seed, 1, 2 * waves)[0])
    kept = np.abs(order) < waves
    places = (order[kept].astype(np.int64)) % (2 * waves)
    spectrum = np.zeros((side, side), np.complex128)
    spectrum[np.ix_(kept, kept)] = coarse[np.ix_(places, places)]
    squared = (order[:, None] ** 2 + order[None] ** 2) / extent**2
    spectrum *= np.exp(-2 * (np.pi * flow.swell) ** 2 * squared)
    slope = 2j * np.pi * order
    along = np.stack([-np.fft.ifft2(spectrum * slope[None]).real, np.fft.ifft2(spectrum * slope[:, None]).real])
    along /= np.sqrt(np.square(along).sum(0).mean())
    along[1] += flow.drift
    return along


def streaks(noise: Array, along: Array, pixels: int) -> Array:
    """Noise (..., side, side) smeared along the lines of a field (2, side, side), both seamless."""
    side = noise.shape[-1]
    noise = blurred(noise, ACROSS / pixels)
    steps = round(LENGTH / pixels / STEP)
    total = noise.copy()
    for heading in (STEP, -STEP):
        down, right = np.mgrid[:side, :side].astype(np.float64)
        for step in range(1, steps + 1):
            ahead = _at(along, down, right)
            ahead /= np.maximum(np.hypot(*ahead), 1e-6)
            down, right = down + heading * ahead[0], right + heading * ahead[1]
            total += (0.5 + 0.5 * np.cos(np.pi * step / (steps + 1))) * _at(noise, down, right)
    return total


def _at(fields: Array, down: Array, right: Array) -> Array:
    """Periodic fields (..., side, side) between their positions, bilinearly."""
    side = fields.shape[-1]
    top, left = np.floor(down).astype(np.int64), np.floor(right).astype(np.int64)
    low, across = down - top, right - left
    top, left = top % side, left % side
    below, beside = (top + 1) % side, (left + 1) % side
    upper = (1 - across) * fields[..., top, left] + across * fields[..., top, beside]
    lower = (1 - across) * fields[..., below, left] + across * fields[..., below, beside]
    return np.asarray((1 - low) * upper + low * lower)
