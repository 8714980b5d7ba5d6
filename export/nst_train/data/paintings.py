"""Crops of paintings for the style encoder, varied so that a few hundred paintings stand for many more."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nst_train.data.crops import as_batch, random_crop
from nst_train.data.images import ImageFolder, Rgb, as_rgb, resize_long_side

STROKES = (0.75, 1.4)
"""A painting's long side varies between these multiples of the side that strokes are meant for."""
QUARTER_TURN, FOREIGN_PALETTE, HUE_TURN, LIGHT = 0.25, 0.3, 0.2, 0.5
"""How often a crop is turned by 90 degrees, takes another painting's colours, has hues turned, has light changed."""


def held_out(paths: Sequence[Path], every: int) -> list[Path]:
    """Every so many-th of a folder's sorted paintings: those kept out of training, for judging; 0 keeps none out."""
    return list(paths[every - 1 :: every]) if every else []


class PaintingCrops:
    """Batches of style images, made from (seed, step) alone.

    Args:
        paintings: what to learn from.
        photographs: cut into the batches too, as often as `photograph_share` says.
        side: paintings are brought to about this long side first, in pixels.
        size: side of the crops.
    """

    def __init__(
        self,
        paintings: ImageFolder,
        photographs: ImageFolder,
        *,
        side: int,
        size: int,
        seed: int,
        photograph_share: float,
    ) -> None:
        self._paintings, self._photographs = paintings, photographs
        self._side, self._size, self._seed = side, size, seed
        self._photograph_share = photograph_share

    def at(self, step: int, count: int) -> Tensor:
        """The crops of `step`: uint8 RGB (count, 3, size, size)."""
        random = np.random.default_rng((self._seed, step, 1))
        return as_batch([self._crop(random) for _ in range(count)])

    def _crop(self, random: np.random.Generator) -> Rgb:
        if random.random() < self._photograph_share:
            index = int(random.integers(0, len(self._photographs)))
            return random_crop(self._photographs.image(index), self._size, random)
        painting = self._paintings.image(int(random.integers(0, len(self._paintings))))
        crop = painting_crop(painting, round(self._side * random.uniform(*STROKES)), self._size, random)
        if random.random() < FOREIGN_PALETTE:
            other = self._paintings.image(int(random.integers(0, len(self._paintings))))
            crop = with_palette_of(crop, other)
        if random.random() < HUE_TURN:
            crop = turn_hues(crop, float(random.uniform(-180, 180)))
        return change_light(crop, random) if random.random() < LIGHT else crop


def painting_crop(painting: Rgb, side: int, size: int, random: np.random.Generator) -> Rgb:
    """A square (size, size, 3) out of the painting at `side` pixels, mirrored or turned now and then."""
    short = min(painting.shape[:2]) / max(painting.shape[:2])
    resized = resize_long_side(painting, max(side, int(np.ceil(size / short))), least=size)
    top = int(random.integers(0, resized.shape[0] - size + 1))
    left = int(random.integers(0, resized.shape[1] - size + 1))
    crop = resized[top : top + size, left : left + size]
    if random.random() < 0.5:
        crop = crop[:, ::-1]
    if random.random() < QUARTER_TURN:
        crop = np.rot90(crop)
    return as_rgb(crop)


def with_palette_of(image: Rgb, other: Rgb) -> Rgb:
    """`image` with the channel means and deviations of `other` in CIE Lab (Reinhard et al. 2001)."""
    lab, wanted = _lab(image), _lab(other)
    moved = (lab - lab.mean((0, 1))) * (wanted.std((0, 1)) / np.maximum(lab.std((0, 1)), 1.0)) + wanted.mean((0, 1))
    return as_rgb(cv2.cvtColor(np.clip(moved, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB))


def _lab(image: Rgb) -> NDArray[np.float32]:
    return cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)


def turn_hues(image: Rgb, degrees: float) -> Rgb:
    """All hues turned by an angle."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + round(degrees / 2)) % 180  # OpenCV counts hues in steps of 2 degrees
    return as_rgb(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def change_light(image: Rgb, random: np.random.Generator) -> Rgb:
    """Brightness, contrast and saturation a little other than they are."""
    values = image.astype(np.float32)
    gray = values.mean(2, keepdims=True)
    values = gray + (values - gray) * random.uniform(0.6, 1.3)
    mean = values.mean()
    values = mean + (values - mean) * random.uniform(0.75, 1.25) + random.uniform(-25, 25)
    return as_rgb(np.clip(values, 0, 255))
