"""Images to check an export on: the user's photographs, or photograph-like ones drawn by a fixed recipe."""

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
"""Heights and widths that exports are checked at; the second fits no network's stride."""

PHOTOGRAPHS, DRAWN = "photographs", "drawn"
"""Where sample images came from, as `ModelRecord.parity_images` says it."""


def draw_image(height: int, width: int, seed: int = 0) -> Image:
    """An image with what photographs have: soft gradients, hard edges, texture at several scales, sensor noise."""
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
    """The largest part of the image's middle with the wanted proportions, resized."""
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
        raise InputError(f"{folder}: no such folder of photographs. Leave --photographs out to check on drawn images")
    photographs = list(islice(_open_photographs(folder), len(SIZES)))
    if not photographs:
        raise InputError(f"{folder}: no image in it opens. Give a folder of .jpg or .png photographs")
    return [fill(photographs[index % len(photographs)], *size) for index, size in enumerate(SIZES)]


def calibration_images(folder: Path | None, count: int) -> list[Image]:
    """`count` images of the first of SIZES, others than `sample_images` returns as far as there are any.

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
    """What `sample_images` returns for this folder: photographs or drawn images."""
    return DRAWN if folder is None else PHOTOGRAPHS


def extreme_images() -> list[Image]:
    """Images that drive activations further than photographs do: noise, a checkerboard, black and white halves."""
    random = np.random.default_rng(1)
    noise = random.integers(0, 256, (128, 128, 3)).astype(np.uint8)
    rows, columns = np.mgrid[0:128, 0:128]
    board = np.repeat((((rows // 4 + columns // 4) % 2) * 255)[..., None], 3, axis=2).astype(np.uint8)
    halves = np.repeat(((columns >= 64) * 255)[..., None], 3, axis=2).astype(np.uint8)
    return [noise, board, halves]
