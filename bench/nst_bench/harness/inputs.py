"""The images that results are measured on: photographs to stylise, and the paintings that styles come from."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from nst_rt.contract import Frame
from nst_rt.errors import InputError
from nst_rt.files.reading import file_sha256
from nst_rt.media.images.image_reader import read_image
from nst_train.data.images import Rgb, as_rgb, read_rgb
from nst_train.settings import SMALLEST_LEVEL

from nst_bench.harness.losses import PAINTING_SIDE, SCALES

Item = TypeVar("Item")
Group = Literal["named", "held-out"]
"""Paintings behind named styles, and paintings that no training has seen."""


@dataclass(frozen=True)
class Painting:
    """A painting that stylised images are compared to."""

    name: str
    path: Path
    group: Group
    side: int = PAINTING_SIDE
    """Long side that it is resized to, in pixels. It decides how large the strokes are."""

    @cached_property
    def sha256(self) -> str:
        return file_sha256(self.path)

    @property
    def key(self) -> Any:
        """This painting at this size, for the key of a result."""
        return self.sha256 if self.side == PAINTING_SIDE else [self.sha256, self.side]

    @cached_property
    def rgb(self) -> Rgb:
        """uint8 (H, W, 3), as it is in the file."""
        return read_rgb(self.path)

    @property
    def bgr(self) -> Frame:
        """uint8 (H, W, 3), as it is in the file."""
        return reversed_channels(self.rgb)


@dataclass(frozen=True)
class Photograph:
    """A photograph at the size at which it is stylised."""

    path: Path
    bgr: Frame
    """uint8 (H, W, 3), BGR."""

    @cached_property
    def sha256(self) -> str:
        return file_sha256(self.path)

    @property
    def key(self) -> list[Any]:
        """This photograph at this size, for the key of a result."""
        return [self.sha256, *self.bgr.shape[:2]]

    @property
    def rgb(self) -> Rgb:
        return reversed_channels(self.bgr)


def reversed_channels(image: Rgb | Frame) -> Rgb:
    """RGB as BGR, or BGR as RGB: uint8 (H, W, 3) to the same."""
    return as_rgb(image[..., ::-1])


def read_photograph(path: Path, side: int) -> Photograph:
    """A photograph; a larger one is reduced to a long side of `side` pixels.

    Raises:
        InputError: it cannot be read, or it is too small for the style loss.
    """
    bgr = read_image(path).shrunk(side).bgr
    height, width = bgr.shape[:2]
    least = SMALLEST_LEVEL << (SCALES - 1)
    if min(height, width) < least:
        raise InputError(
            f"{path}: {width}x{height} px, and the style loss needs {least} px a side. Take another photograph, or a "
            "larger side",
            parameter="side",
        )
    return Photograph(path, bgr)


def spread(items: list[Item], count: int) -> list[Item]:
    """`count` of the items, evenly spaced; all of them for 0, or where there are not more."""
    if not 0 < count < len(items):
        return items
    return [items[index * len(items) // count] for index in range(count)]
