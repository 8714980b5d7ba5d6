"""Folders of images to learn from."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from nst_rt.errors import InputError
from nst_rt.media.images.image_reader import SUFFIXES, read_image
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
"""uint8 (height, width, 3), RGB."""

KEPT_BYTES = 1 << 30
"""Decoded images kept in memory, per folder."""


def list_images(folder: Path) -> list[Path]:
    """Images directly in `folder`, sorted by name; where there are none, those of its subfolders.

    Raises:
        InputError: no such folder, or no image in it.
    """
    if not folder.is_dir():
        what = "a file, not a folder" if folder.exists() else "no such folder"
        raise InputError(f"{folder}: {what}. Give a folder of images")
    try:
        for found in (folder.iterdir(), folder.rglob("*")):
            if paths := sorted(path for path in found if path.suffix.lower() in SUFFIXES and path.is_file()):
                return paths
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error}). Check its permissions") from error
    raise InputError(f"{folder}: no images in it ({', '.join(sorted(SUFFIXES))}). Give another folder")


def read_rgb(path: Path) -> Rgb:
    """An image file, upright.

    Raises:
        InputError: no image that can be read.
    """
    return as_rgb(cv2.cvtColor(read_image(path).bgr, cv2.COLOR_BGR2RGB))


def as_rgb(array: NDArray[Any]) -> Rgb:
    """uint8, in one piece."""
    return np.ascontiguousarray(array, dtype=np.uint8)


def resize_long_side(image: Rgb, side: int, least: int = 64) -> Rgb:
    """The image with its long side at `side` pixels (enlarged too: a style's strokes should have one scale)."""
    scale = side / max(image.shape[:2])
    size = (max(least, round(image.shape[1] * scale)), max(least, round(image.shape[0] * scale)))
    return as_rgb(cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


class Images(Protocol):
    """Images by number."""

    @property
    def origin(self) -> str:
        """Where they come from, for records."""

    def __len__(self) -> int: ...

    def image(self, index: int) -> Rgb:
        """Image number `index`, uint8 RGB (H, W, 3).

        Raises:
            InputError: it cannot be read.
        """


class ImageFolder:
    """The images of a folder by number, reduced to what training needs and kept in memory as far as they fit.

    An image that cannot be read is replaced by the next one that can, with one notice; so what a number means
    depends on the folder alone. Safe to use from several threads.

    Args:
        folder: see `list_images`.
        short_side: larger images are reduced until their short side has this many pixels.
        notice: called with one line for every image that cannot be read.
        paths: these images of the folder only.

    Raises:
        InputError: no such folder, or no image in it.
    """

    def __init__(
        self, folder: Path, short_side: int, notice: Callable[[str], None], paths: Sequence[Path] | None = None
    ) -> None:
        self.folder = folder
        self.paths = list_images(folder) if paths is None else list(paths)
        self._short_side = short_side
        self._notice = notice
        self._kept: dict[int, Rgb] = {}
        self._kept_bytes = 0
        self._broken: set[int] = set()
        self._lock = threading.Lock()

    @property
    def origin(self) -> str:
        """The folder, in words."""
        return str(self.folder)

    def __len__(self) -> int:
        return len(self.paths)

    def image(self, index: int) -> Rgb:
        """Image number `index`, uint8 RGB (H, W, 3).

        Raises:
            InputError: not one image of the folder can be read.
        """
        for place in range(index, index + len(self.paths)):
            if (image := self._read(place % len(self.paths))) is not None:
                return image
        raise InputError(f"{self.folder}: none of its {len(self.paths)} images can be read. Give another folder")

    def _read(self, index: int) -> Rgb | None:
        with self._lock:
            if index in self._broken:
                return None
            if index in self._kept:
                return self._kept[index]
        try:
            image = self._reduced(read_rgb(self.paths[index]))
        except InputError as error:
            with self._lock:
                known = index in self._broken
                self._broken.add(index)
            if not known:
                self._notice(f"skipped: {error}")
            return None
        with self._lock:
            if index not in self._kept and self._kept_bytes + image.nbytes <= KEPT_BYTES:
                self._kept[index] = image
                self._kept_bytes += image.nbytes
        return image

    def _reduced(self, image: Rgb) -> Rgb:
        scale = self._short_side / min(image.shape[:2])
        if scale >= 1:
            return image
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        return as_rgb(cv2.resize(image, size, interpolation=cv2.INTER_AREA))

    def describe(self) -> dict[str, Any]:
        """For the run record: the folder, how many images, and a hash over their names and sizes in bytes."""
        digest = hashlib.sha256()
        for path in self.paths:
            digest.update(f"{path.relative_to(self.folder).as_posix()}\0{path.stat().st_size}\n".encode())
        return {"folder": str(self.folder), "images": len(self.paths), "sha256": digest.hexdigest()}
