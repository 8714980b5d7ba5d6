"""Random crops of a folder of photographs, the same for the same seed and step."""

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import cv2
import numpy as np
import torch
from torch import Tensor

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def list_pictures(folder: Path) -> list[Path]:
    """Pictures directly in `folder`, sorted by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def read_rgb(path: Path) -> np.ndarray:
    """A picture as uint8 RGB (H, W, 3).

    Raises:
        ValueError: the file is no picture that OpenCV can read.
    """
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"{path}: not a picture that can be read")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def random_crop(picture: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """A square (size, size, 3) from `picture`: any place, mirrored half of the time, 1 to 1.6 times reduced."""
    height, width = picture.shape[:2]
    scale = size / min(height, width)
    scale = max(scale, min(1.0, scale * float(random.uniform(1.0, 1.6))))
    resized = cv2.resize(
        picture,
        (max(size, round(width * scale)), max(size, round(height * scale))),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
    )
    top = int(random.integers(0, resized.shape[0] - size + 1))
    left = int(random.integers(0, resized.shape[1] - size + 1))
    crop = resized[top : top + size, left : left + size]
    return crop[:, ::-1] if random.random() < 0.5 else crop


class Photographs:
    """An endless stream of batches from a folder, read ahead in a thread.

    A batch is made from (seed, step) alone, so that a resumed training sees what an unbroken one would have seen.
    """

    def __init__(self, folder: Path, size: int, batch: int, seed: int) -> None:
        self.paths = list_pictures(folder)
        if not self.paths:
            raise ValueError(f"{folder}: no pictures here ({', '.join(sorted(SUFFIXES))})")
        self.size, self.batch, self.seed = size, batch, seed

    def at(self, step: int) -> Tensor:
        """The batch of `step`: uint8 RGB (batch, 3, size, size)."""
        random = np.random.default_rng((self.seed, step))
        chosen = random.integers(0, len(self.paths), self.batch)
        crops = [random_crop(read_rgb(self.paths[index]), self.size, random) for index in chosen]
        return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)

    def ahead(self, start: int, stop: int, depth: int = 4) -> Iterator[Tensor]:
        """The batches of steps start ... stop - 1, prepared `depth` ahead by a thread."""
        queue: Queue[Tensor | Exception] = Queue(depth)

        def prepare() -> None:
            try:
                for step in range(start, stop):
                    queue.put(self.at(step))
            except Exception as error:  # handed to the consumer, which raises it
                queue.put(error)

        threading.Thread(target=prepare, daemon=True).start()
        for _ in range(start, stop):
            item = queue.get()
            if isinstance(item, Exception):
                raise item
            yield item
