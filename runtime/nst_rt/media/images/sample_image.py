"""A landscape drawn by code: an image to stylise that needs no file and nobody's permission."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def landscape(width: int = 960, height: int = 640, seed: int = 8) -> NDArray[np.uint8]:
    """Mountains over a lake in the evening, with clouds, their reflection, and trees on the shore.

    The same arguments give the same image.

    >>> landscape(96, 64).shape
    (64, 96, 3)

    Returns:
        uint8 (height, width, 3) BGR.
    """
    rng = np.random.default_rng(seed)
    rows, columns = (axis.astype(np.float32) for axis in np.mgrid[0:height, 0:width])
    x, y = columns / width, rows / height
    shore = 0.64
    image = _sky(x, y, rng, shore)
    for depth in range(4):
        image = _mountains(image, x, y, depth, rng, shore)
    image = _lake(image, x, y, rng, shore)
    image = _near_shore(image, x, y, rng)
    grain = rng.normal(0, 0.008, image.shape).astype(np.float32)
    pixels: NDArray[np.uint8] = (np.clip(image + grain, 0, 1)[:, :, ::-1] * 255).round().astype(np.uint8)
    return pixels


def _noise(shape: tuple[int, int], cells: tuple[float, float], octaves: int, rng: np.random.Generator) -> Array:
    """Fractal value noise in about [0, 1]; `cells` are the coarsest octave's cells down and across."""
    total: Array = np.zeros(shape, np.float32)
    weight = 0.0
    for octave in range(octaves):
        down, across = (max(2, round(count * 2**octave)) for count in cells)
        grid = rng.random((down + 2, across + 2)).astype(np.float32)
        v = np.linspace(0, down, shape[0], dtype=np.float32)
        u = np.linspace(0, across, shape[1], dtype=np.float32)
        i, j = v.astype(int), u.astype(int)
        fv, fu = ((t * t * (3 - 2 * t)) for t in (v - i, u - j))  # smoothstep hides the grid
        near = grid[i][:, j] * (1 - fu) + grid[i][:, j + 1] * fu
        far = grid[i + 1][:, j] * (1 - fu) + grid[i + 1][:, j + 1] * fu
        total += 0.5**octave * (near * (1 - fv[:, None]) + far * fv[:, None])
        weight += 0.5**octave
    total /= weight
    return total


def _mix(low: Array, high: Array, amount: Array) -> Array:
    return low + (high - low) * np.clip(amount, 0, 1)[:, :, None]


def _color(*rgb: int) -> Array:
    return np.array([value / 255 for value in rgb], np.float32)


def _sky(x: Array, y: Array, rng: np.random.Generator, shore: float) -> Array:
    sky = _mix(_color(58, 104, 178) + 0 * x[:, :, None], _color(250, 205, 150), (y / shore) ** 1.4)
    distance = np.hypot((x - 0.68) * 1.5, y - 0.37)
    sky = _mix(sky, _color(255, 232, 180), np.exp(-(distance**2) / 0.035))
    sky = _mix(sky, _color(255, 250, 225), (0.052 - distance) * 160)
    clouds = _noise(x.shape, (7, 3.2), 6, rng)
    lit = _mix(_color(176, 142, 160) + 0 * x[:, :, None], _color(255, 226, 196), clouds * 2.6 - 0.9)
    return _mix(sky, lit, (clouds - 0.5) * 6 * np.clip(1.3 - y / shore, 0, 1))


def _mountains(image: Array, x: Array, y: Array, depth: int, rng: np.random.Generator, shore: float) -> Array:
    far = _color(148, 158, 190), _color(112, 124, 158), _color(74, 96, 108), _color(38, 66, 50)
    width = x.shape[1]
    ridge = _noise((4, width), (1, 2.2 + depth), 7, rng)[1] - 0.5
    heights = (0.30 + 0.085 * depth) - ridge * (0.40 - 0.07 * depth)
    below = y - heights[None, :]
    relief = _noise(x.shape, (14 + 6 * depth, 18 + 8 * depth), 5, rng)
    slope = np.gradient(heights, 1 / width)[None, :]
    light = np.clip(0.9 + 0.9 * (relief - 0.5) + 0.10 * slope, 0.45, 1.5)
    surface = far[depth] * light[:, :, None]
    if depth < 2:  # snow lies near the ridge, in the hollows of the relief
        snow = (0.13 - 0.05 * depth - below) * 14 + (relief - 0.55) * 5
        surface = _mix(surface, _color(238, 234, 240) * light[:, :, None] ** 0.5, snow)
    mist = np.clip((y - heights[None, :]) / max(0.05, 0.30 - 0.06 * depth), 0, 1) * (0.55 - 0.14 * depth)
    surface = _mix(surface, _color(232, 205, 186), mist)
    covered = np.clip(below * width, 0, 1) * (y < shore)
    return _mix(image, surface, covered)


def _lake(image: Array, x: Array, y: Array, rng: np.random.Generator, shore: float) -> Array:
    height, width = x.shape
    depth = np.clip((y - shore) / (1 - shore), 0, 1)
    ripple = _noise(x.shape, (60, 9), 4, rng) - 0.5
    source_rows = np.clip((2 * shore - y * 0.96) * height + ripple * 46 * depth, 0, shore * height - 1).astype(int)
    source_columns = np.clip(x * width + ripple * 10 * depth, 0, width - 1).astype(int)
    mirrored = image[source_rows, source_columns]
    water = _mix(mirrored * 0.86, _color(24, 58, 84), 0.12 + 0.55 * depth)
    glitter = np.exp(-((x - 0.68) ** 2) / (0.002 + 0.012 * depth)) * np.clip(ripple * 5, 0, 1)
    water = _mix(water, _color(255, 226, 170), glitter * 0.9)
    return np.where((y >= shore)[:, :, None], water, image)


def _near_shore(image: Array, x: Array, y: Array, rng: np.random.Generator) -> Array:
    height, width = x.shape
    bank = 1.0 - 0.16 * np.exp(-((x[0] - 0.05) ** 2) / 0.05) - 0.07 * (_noise((4, width), (1, 4), 6, rng)[1] - 0.2)
    grass = _noise(x.shape, (30, 90), 4, rng)
    soil = _mix(_color(38, 52, 24) + 0 * x[:, :, None], _color(128, 136, 54), grass * 1.8 - 0.5)
    image = _mix(image, soil, (y - bank[None, :]) * height)
    for place, size in ((0.045, 0.60), (0.13, 0.40), (0.20, 0.24), (0.93, 0.20)):
        foot = float(bank[min(width - 1, int(place * width))]) + 0.02
        image = _fir(image, x, y, place, foot, size, rng)
    return image


def _fir(image: Array, x: Array, y: Array, place: float, foot: float, size: float, rng: np.random.Generator) -> Array:
    up = (foot - y) / size
    tiers = 0.72 + 0.28 * (1 - (up * 9.0) % 1.0)
    ragged = _noise(x.shape, (50, 70), 3, rng)
    aspect = x.shape[1] / x.shape[0]
    reach = 0.20 * size * (1 - up) * tiers * (0.55 + 0.9 * ragged) / aspect * 1.5
    inside = (reach - np.abs(x - place)) * x.shape[1] * ((up > 0.06) & (up < 1))
    needles = _mix(_color(14, 34, 24) + 0 * x[:, :, None], _color(92, 108, 52), ragged * 1.5 - 0.55 + (x - place) * 9)
    trunk = (0.008 * size / 0.4 - np.abs(x - place)) * x.shape[1] * ((up >= -0.02) & (up <= 0.1))
    image = _mix(image, _color(52, 36, 26) + 0 * x[:, :, None], trunk)
    return _mix(image, needles, inside)
