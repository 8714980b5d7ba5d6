"""The network that ships: whole pictures at awkward sizes, without checkerboard, border frame or colour cast."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from nst_rt import Stylizer
from nst_rt.sample_picture import landscape
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

SIZES = [(640, 480), (1081, 719), (3840, 2160)]
GRID_PERIODS = (2, 4, 8)
"""Pixels between the lines that an upsampling step of the network could leave."""


@pytest.fixture(scope="module", params=["gogh", "wave", "mondrian"])
def stylizer(request: pytest.FixtureRequest) -> Iterator[Stylizer]:
    with Stylizer.load(style=request.param, device="cpu") as opened:
        yield opened


def resized(width: int, height: int) -> Picture:
    picture = landscape(768, 512)
    filter_ = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    return cv2.resize(picture, (width, height), interpolation=filter_).astype(np.uint8, copy=False)


def grid_energy(picture: Picture, period: int) -> float:
    """Energy at the frequency of a grid of `period` pixels, relative to that of the frequencies right around it."""
    gray = picture.astype(np.float32).mean(2)
    gray = gray[: gray.shape[0] // 8 * 8, : gray.shape[1] // 8 * 8]
    energy = np.abs(np.fft.fft2(gray - gray.mean())) ** 2
    down, across = (np.abs(np.fft.fftfreq(side)) for side in gray.shape)
    frequency = np.maximum(down[:, None], across[None])
    distance = np.abs(frequency - 1 / period)
    at, around = distance < 0.0015, (distance >= 0.01) & (distance < 0.03)
    return float(energy[at].mean() / energy[around].mean())


def ring(picture: Picture, distance: int, width: int) -> NDArray[np.float64]:
    """Mean colour of a frame of `width` pixels, `distance` pixels inside the border."""
    inner = picture[distance : picture.shape[0] - distance, distance : picture.shape[1] - distance]
    mask = np.ones(inner.shape[:2], bool)
    mask[width:-width, width:-width] = False
    colour: NDArray[np.float64] = inner[mask].mean(0, dtype=np.float64)
    return colour


def test_the_measure_of_grids_sees_a_checkerboard() -> None:
    picture = resized(640, 480)
    for period in GRID_PERIODS:
        lines = (np.arange(640) % period < period // 2) * 5
        marked = np.clip(picture + lines[None, :, None], 0, 255).astype(np.uint8)
        assert grid_energy(picture, period) < 1.5
        assert grid_energy(marked, period) > 3


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_no_checkerboard(stylizer: Stylizer, size: tuple[int, int]) -> None:
    stylized = stylizer(resized(*size))
    for period in GRID_PERIODS:
        assert grid_energy(stylized, period) < 1.7, f"a grid of {period} pixels"


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_no_frame_along_the_border(stylizer: Stylizer, size: tuple[int, int]) -> None:
    photograph = resized(*size)
    stylized = stylizer(photograph)
    for width in (2, 6):
        found = ring(stylized, 0, width) - ring(stylized, width, width)
        own = ring(photograph, 0, width) - ring(photograph, width, width)
        assert np.abs(found - own).max() < 10


@pytest.mark.parametrize("size", [(23, 17), *SIZES], ids=str)
def test_the_size_does_not_change_the_colours(stylizer: Stylizer, size: tuple[int, int]) -> None:
    wanted = stylizer(resized(960, 640)).mean((0, 1))
    stylized = stylizer(resized(*size))
    assert stylized.shape == (size[1], size[0], 3)
    assert np.abs(stylized.mean((0, 1)) - wanted).max() < (45 if min(size) < 64 else 8)
