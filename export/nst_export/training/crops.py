"""Square crops of photographs, and batches of them made from (seed, step) alone."""

import cv2
import numpy as np
import torch
from torch import Tensor

from nst_export.training.pictures import Pictures, Rgb, as_rgb

WIDEST = 1.6
"""A crop covers up to this many times its own side of the picture."""


def random_crop(picture: Rgb, size: int, random: np.random.Generator) -> Rgb:
    """A square (size, size, 3) from `picture`: any place, mirrored half of the time, 1 to 1.6 times reduced."""
    height, width = picture.shape[:2]
    scale = size / min(height, width)
    scale = max(scale, min(1.0, scale * float(random.uniform(1.0, WIDEST))))
    resized = cv2.resize(
        picture,
        (max(size, round(width * scale)), max(size, round(height * scale))),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
    )
    top = int(random.integers(0, resized.shape[0] - size + 1))
    left = int(random.integers(0, resized.shape[1] - size + 1))
    crop = resized[top : top + size, left : left + size]
    return as_rgb(crop[:, ::-1] if random.random() < 0.5 else crop)


def crops_at(pictures: Pictures, step: int, batch: int, size: int, seed: int) -> Tensor:
    """The crops of `step`: uint8 RGB (batch, 3, size, size). A resumed training sees what an unbroken one would have.

    Raises:
        InputError: none of the pictures can be read.
    """
    random = np.random.default_rng((seed, step))
    chosen = random.integers(0, len(pictures), batch)
    return as_batch([random_crop(pictures.picture(int(index)), size, random) for index in chosen])


def as_batch(pictures: list[Rgb]) -> Tensor:
    """Pictures of one size as uint8 (N, 3, H, W), in channels-last order."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


def as_floats(pictures: Tensor) -> Tensor:
    """uint8 (N, 3, H, W) to float32 in [0, 1]."""
    return (pictures.float() / 255).contiguous(memory_format=torch.channels_last)
