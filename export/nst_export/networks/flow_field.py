"""A smooth, swirling flow field, and streaks along it: noise whose direction changes from place to place.

The streaks are a line integral convolution of white noise (Cabral & Leedom 1993, "Imaging Vector Fields Using Line
Integral Convolution"). Brush strokes follow such lines; from noise without direction a network paints the strokes of
every sky in the same direction.

All fields repeat like the bricks of a wall: each column of tiles is half a tile lower than the column to its left. In a
row nothing repeats within two tiles, and skies are wider than high.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LENGTH = 28.0
"""Length of a streak to either side, in pixels of the photograph; it fades out."""
ACROSS = 3.2
"""Standard deviation of the Gaussian that widens a streak, in pixels."""
STEP = 0.5
"""Length of one step along a line, in positions."""


class Flow(NamedTuple):
    """A flow field: along the contour lines of smooth noise, plus a drift to the right."""

    swell: float
    """Standard deviation of the Gaussian that smooths the noise, in pixels; swirls are three to four times as far
    apart."""
    drift: float
    """Speed to the right, as a part of the root mean square speed along the contour lines. At 0 the lines close into
    swirls, from 1 up most of them are waves."""
    seed: int


FLOW = Flow(swell=104, drift=0.5, seed=35)
"""The field of all noise tiles: a stream with eddies. An image of 640x480 has two, left and right of its middle."""


def white_noise(seed: int, count: int, side: int) -> Array:
    """Uniform noise (count, side, side) in [-0.5, 0.5), the same on every machine: NumPy guarantees the raw numbers of
    its bit generators."""
    raw = np.random.PCG64(seed).random_raw(count * side * side).astype(np.float64)
    return (raw / 2**64 - 0.5).reshape(count, side, side)


def waves(side: int) -> tuple[Array, Array]:
    """The number of waves of each component of a spectrum along a tile, down (side, 1) and across (side, side).

    A wave that changes its sign half a tile lower has to change its sign in the next column too. Every other row of the
    spectrum therefore has half a wave more across.
    """
    order = np.fft.fftfreq(side, 1 / side).astype(np.float64)
    down = order[:, None]
    return down, order + down % 2 / 2


def to_waves(fields: Array) -> NDArray[np.complex128]:
    """Spectra (..., side, side) of fields (..., side, side), see `waves`."""
    side = fields.shape[-1]
    return np.fft.fft(np.fft.fft(fields, axis=-2) * np.exp(-1j * _half_waves(side)))


def from_waves(spectra: NDArray[np.complex128]) -> Array:
    """The fields (..., side, side) of spectra (..., side, side), see `waves`."""
    side = spectra.shape[-1]
    return np.asarray(np.fft.ifft(np.fft.ifft(spectra) * np.exp(1j * _half_waves(side)), axis=-2).real)


def blurred(fields: Array, width: float) -> Array:
    """Periodic fields (..., side, side), blurred by a Gaussian of `width` positions."""
    return from_waves(to_waves(fields) * _gaussian(fields.shape[-1], width))


def field(flow: Flow, side: int, pixels: int) -> Array:
    """The flow field in a seamless tile: steps down and right, (2, side, side), with mean square 1 before the drift.

    Args:
        side: positions along the tile, at least twice the number of swells along it.
        pixels: of the photograph, for one position. Tiles with the same `side * pixels` have the same field.
    """
    finest = round(side * pixels / flow.swell)  # the smoothing removes finer waves
    coarse = to_waves(white_noise(flow.seed, 1, 2 * finest)[0])
    down, across = waves(side)
    kept = (np.abs(down) < finest) & (np.abs(across) < finest)  # both directions of every wave
    row, column = (np.fft.fftfreq(side, 1 / side)[place].astype(np.int64) % (2 * finest) for place in np.nonzero(kept))
    spectrum = np.zeros((side, side), np.complex128)
    spectrum[kept] = coarse[row, column]
    spectrum *= _gaussian(side, flow.swell / pixels)
    along = np.stack([-from_waves(2j * np.pi * across * spectrum), from_waves(2j * np.pi * down * spectrum)])
    along /= np.sqrt(np.square(along).sum(0).mean())
    along[1] += flow.drift
    return along


def streaks(noise: Array, along: Array, pixels: int) -> Array:
    """Noise (..., side, side), smeared along the lines of a flow field (2, side, side); both are seamless."""
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


def _half_waves(side: int) -> Array:
    """The half waves that `waves` adds across, as phases (side, side)."""
    return np.pi * (np.arange(side)[:, None] % 2) * np.arange(side) / side


def _gaussian(side: int, width: float) -> Array:
    """The spectrum (side, side) of a Gaussian of `width` positions."""
    down, across = waves(side)
    return np.exp(-2 * (np.pi * width / side) ** 2 * (down**2 + across**2))


def _at(fields: Array, down: Array, right: Array) -> Array:
    """Periodic fields (..., side, side) at places between their positions, interpolated bilinearly."""
    side = fields.shape[-1]
    top, left = np.floor(down).astype(np.int64), np.floor(right).astype(np.int64)
    low, across = down - top, right - left

    def whole(row: NDArray[np.int64], column: NDArray[np.int64]) -> Array:
        return np.asarray(fields[..., (row - column // side * (side // 2)) % side, column % side])

    upper = (1 - across) * whole(top, left) + across * whole(top, left + 1)
    lower = (1 - across) * whole(top + 1, left) + across * whole(top + 1, left + 1)
    return np.asarray((1 - low) * upper + low * lower)
