"""Square crops of photographs, and batches of them made from (seed, step) alone."""

import cv2
import numpy as np
import torch
from torch import Tensor

from nst_train.data.images import Images, Rgb, as_rgb
from nst_train.settings import WIDER, WIDEST

CLOSE_UP = (2.0, 6.0)
"""How many times a close-up is enlarged."""


def random_crop(image: Rgb, size: int, random: np.random.Generator) -> Rgb:
    """A square (size, size, 3) from `image`: any place, mirrored half of the time, 1 to 1.6 times reduced."""
    height, width = image.shape[:2]
    scale = size / min(height, width)
    scale = max(scale, min(1.0, scale * float(random.uniform(1.0, WIDEST))))
    resized = cv2.resize(
        image,
        (max(size, round(width * scale)), max(size, round(height * scale))),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
    )
    top = int(random.integers(0, resized.shape[0] - size + 1))
    left = int(random.integers(0, resized.shape[1] - size + 1))
    crop = resized[top : top + size, left : left + size]
    return as_rgb(crop[:, ::-1] if random.random() < 0.5 else crop)


def close_up(image: Rgb, size: int, random: np.random.Generator) -> Rgb:
    """A square (size, size, 3): a small part of `image` from any place, enlarged."""
    height, width = image.shape[:2]
    zoom = CLOSE_UP[0] * (CLOSE_UP[1] / CLOSE_UP[0]) ** float(random.random())
    side = max(1, min(round(size / zoom), height, width))
    top = int(random.integers(0, height - side + 1))
    left = int(random.integers(0, width - side + 1))
    part = image[top : top + side, left : left + side]
    return as_rgb(cv2.resize(part, (size, size), interpolation=cv2.INTER_CUBIC))


def crops_at(
    images: Images,
    step: int,
    batch: int,
    size: int,
    seed: int,
    *,
    close_ups: float = 0.0,
    wide_crops: float = 0.0,
) -> Tensor:
    """The crops of `step`: uint8 RGB (batch, 3, size, size). A resumed training sees what an unbroken one would have.

    Args:
        close_ups: part of them that is enlarged instead of reduced.
        wide_crops: part of the steps whose crops have WIDER times the side; for the same cost they have a WIDER**2th
            of the number.

    Raises:
        InputError: none of the images can be read.
    """
    random = np.random.default_rng((seed, step))
    # Draws are left out at 0, so that runs without such crops see what they always saw.
    if wide_crops and random.random() < wide_crops:
        batch, size = batch // WIDER**2, WIDER * size
    chosen = random.integers(0, len(images), batch)
    cuts = [close_up if close_ups and random.random() < close_ups else random_crop for _ in chosen]
    return as_batch([cut(images.image(int(index)), size, random) for cut, index in zip(cuts, chosen, strict=True)])


def as_batch(images: list[Rgb]) -> Tensor:
    """Images of one size as uint8 (N, 3, H, W), in channels-last order."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def as_floats(images: Tensor) -> Tensor:
    """uint8 (N, 3, H, W) to float32 in [0, 1]."""
    return (images.float() / 255).contiguous(memory_format=torch.channels_last)
