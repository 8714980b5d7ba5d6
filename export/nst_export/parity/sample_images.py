"""Pictures to check an export on: the user's photographs, or photograph-like ones drawn by a fixed recipe."""

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from nst_rt.errors import InputError
from nst_rt.media.images.image_reader import SUFFIXES, read_picture
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""uint8 (height, width, 3), BGR."""

SIZES = ((480, 640), (389, 517), (256, 256))
"""Heights and widths that exports are checked at; the second fits no network's stride."""

PHOTOGRAPHS, DRAWN = "photographs", "drawn"
"""Where sample pictures came from, as `ModelRecord.parity_pictures` says it."""


def draw_picture(height: int, width: int, seed: int = 0) -> Picture:
    """A picture with what photographs have: soft gradients, hard edges, texture at several scales, sensor noise."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    top, bottom = random.uniform(40, 255, 3), random.uniform(0, 200, 3)
    share = (rows / height)[..., None]
    picture = (top * (1 - share) + bottom * share + 20 * np.sin(columns / width * 5)[..., None]).astype(np.float32)
    for _ in range(12):
        center = (int(random.integers(0, width)), int(random.integers(0, height)))
        color = tuple(float(value) for value in random.uniform(0, 255, 3))
        radius = int(random.integers(3, max(4, min(height, width) // 4)))
        if random.random() < 0.5:
            cv2.circle(picture, center, radius, color, -1, cv2.LINE_AA)
        else:
            corners = np.array(center) + random.integers(-radius, radius + 1, (4, 2))
            cv2.fillPoly(picture, [cv2.convexHull(corners.astype(np.int32))], color, cv2.LINE_AA)
    side = 4
    while side < 2 * max(height, width):
        grain = random.standard_normal((side, side, 1)).astype(np.float32)
        texture = cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
        picture += (120 / side**0.5) * texture[..., None]
        side *= 2
    picture += random.normal(0, 2, picture.shape)
    drawn: Picture = np.rint(np.clip(picture, 0, 255)).astype(np.uint8)
    return drawn


def fill(picture: Picture, height: int, width: int) -> Picture:
    """The largest part of the picture's middle with the wanted proportions, resized."""
    scale = max(height / picture.shape[0], width / picture.shape[1])
    size = (max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return np.ascontiguousarray(resized[top : top + height, left : left + width]).astype(np.uint8)


def sample_pictures(folder: Path | None) -> list[Picture]:
    """One picture for each of SIZES, from the folder's first photographs by name, else drawn.

    Raises:
        InputError: the folder is missing or holds no picture that opens.
    """
    if folder is None:
        return [draw_picture(*size, seed=index) for index, size in enumerate(SIZES)]
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of photographs. Leave --photographs out to check on drawn pictures")
    photographs = list(islice(_open_photographs(folder), len(SIZES)))
    if not photographs:
        raise InputError(f"{folder}: no picture in it opens. Give a folder of .jpg or .png photographs")
    return [fill(photographs[index % len(photographs)], *size) for index, size in enumerate(SIZES)]


def calibration_pictures(folder: Path | None, count: int) -> list[Picture]:
    """`count` pictures of the first of SIZES, others than `sample_pictures` returns as far as there are any.

    Raises:
        InputError: as `sample_pictures`.
    """
    if folder is None:
        return [draw_picture(*SIZES[0], seed=len(SIZES) + index) for index in range(count)]
    first = sample_pictures(folder)
    size = SIZES[0]
    others = [fill(picture, *size) for picture in islice(_open_photographs(folder), len(SIZES), len(SIZES) + count)]
    found = others or [fill(picture, *size) for picture in first]
    return [found[index % len(found)] for index in range(count)]


def _open_photographs(folder: Path) -> Iterator[Picture]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            with contextlib.suppress(InputError):
                yield read_picture(path).bgr


def origin_of(folder: Path | None) -> str:
    """What `sample_pictures` returns for this folder: photographs or drawn pictures."""
    return DRAWN if folder is None else PHOTOGRAPHS


def extreme_pictures() -> list[Picture]:
    """Pictures that drive activations further than photographs do: noise, a checkerboard, black and white halves."""
    random = np.random.default_rng(1)
    noise = random.integers(0, 256, (128, 128, 3)).astype(np.uint8)
    rows, columns = np.mgrid[0:128, 0:128]
    board = np.repeat((((rows // 4 + columns // 4) % 2) * 255)[..., None], 3, axis=2).astype(np.uint8)
    halves = np.repeat(((columns >= 64) * 255)[..., None], 3, axis=2).astype(np.uint8)
    return [noise, board, halves]
