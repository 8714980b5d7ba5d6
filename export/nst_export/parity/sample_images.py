"""Images to check an export on: the user's photographs, or drawn ones that resemble photographs, always the same."""

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from nst_rt.errors import InputError
from nst_rt.media.images.image_reader import SUFFIXES, read_image
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""uint8 (height, width, 3), BGR."""

SIZES = ((480, 640), (389, 517), (256, 256))
"""Heights and widths that exports are checked at; no network's stride divides the second."""

PHOTOGRAPHS, DRAWN = "photographs", "drawn"
"""Where sample images come from, in the words of `ModelRecord.parity_images`."""


def draw_image(height: int, width: int, seed: int = 0) -> Image:
    """An image with what photographs have: soft gradients, hard edges, texture at several scales, sensor noise.

    Args:
        seed: another number gives another image; the same number always the same.
    """
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    top, bottom = random.uniform(40, 255, 3), random.uniform(0, 200, 3)
    share = (rows / height)[..., None]
    image = (top * (1 - share) + bottom * share + 20 * np.sin(columns / width * 5)[..., None]).astype(np.float32)
    for _ in range(12):
        center = (int(random.integers(0, width)), int(random.integers(0, height)))
        color = tuple(float(value) for value in random.uniform(0, 255, 3))
        radius = int(random.integers(3, max(4, min(height, width) // 4)))
        if random.random() < 0.5:
            cv2.circle(image, center, radius, color, -1, cv2.LINE_AA)
        else:
            corners = np.array(center) + random.integers(-radius, radius + 1, (4, 2))
            cv2.fillPoly(image, [cv2.convexHull(corners.astype(np.int32))], color, cv2.LINE_AA)
    side = 4
    while side < 2 * max(height, width):
        grain = random.standard_normal((side, side, 1)).astype(np.float32)
        texture = cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
        image += (120 / side**0.5) * texture[..., None]
        side *= 2
    image += random.normal(0, 2, image.shape)
    drawn: Image = np.rint(np.clip(image, 0, 255)).astype(np.uint8)
    return drawn


def fill(image: Image, height: int, width: int) -> Image:
    """The largest part of the image's middle with these proportions, resized to height by width."""
    scale = max(height / image.shape[0], width / image.shape[1])
    size = (max(width, round(image.shape[1] * scale)), max(height, round(image.shape[0] * scale)))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return np.ascontiguousarray(resized[top : top + height, left : left + width]).astype(np.uint8)


def sample_images(folder: Path | None) -> list[Image]:
    """One image for each of SIZES, from the folder's first photographs by name, else drawn.

    Raises:
        InputError: the folder is missing or holds no image that opens.
    """
    if folder is None:
        return [draw_image(*size, seed=index) for index, size in enumerate(SIZES)]
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder of photographs. Give none to check on drawn images", parameter="photographs"
        )
    photographs = list(islice(_open_photographs(folder), len(SIZES)))
    if not photographs:
        raise InputError(
            f"{folder}: no image in it opens. Give a folder of .jpg or .png photographs", parameter="photographs"
        )
    return [fill(photographs[index % len(photographs)], *size) for index, size in enumerate(SIZES)]


def calibration_images(folder: Path | None, count: int) -> list[Image]:
    """`count` images of the first size; other images than those of `sample_images` where there are enough.

    Raises:
        InputError: as `sample_images`.
    """
    if folder is None:
        return [draw_image(*SIZES[0], seed=len(SIZES) + index) for index in range(count)]
    first = sample_images(folder)
    size = SIZES[0]
    others = [fill(image, *size) for image in islice(_open_photographs(folder), len(SIZES), len(SIZES) + count)]
    found = others or [fill(image, *size) for image in first]
    return [found[index % len(found)] for index in range(count)]


def _open_photographs(folder: Path) -> Iterator[Image]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            with contextlib.suppress(InputError):
                yield read_image(path).bgr


def origin_of(folder: Path | None) -> str:
    """Whether `sample_images` returns photographs or drawn images for this folder."""
    return DRAWN if folder is None else PHOTOGRAPHS


def extreme_images() -> list[Image]:
    """Images with larger activations than photographs have: noise, a checkerboard, black and white halves."""
    random = np.random.default_rng(1)
    noise = random.integers(0, 256, (128, 128, 3)).astype(np.uint8)
    rows, columns = np.mgrid[0:128, 0:128]
    board = np.repeat((((rows // 4 + columns // 4) % 2) * 255)[..., None], 3, axis=2).astype(np.uint8)
    halves = np.repeat(((columns >= 64) * 255)[..., None], 3, axis=2).astype(np.uint8)
    return [noise, board, halves]
