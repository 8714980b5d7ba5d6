"""The photographs and paintings that a measurement is made on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from nst_export.model_files.named_styles import NamedStyle
from nst_rt.errors import InputError
from nst_rt.files.reading import file_sha256
from nst_rt.media.images.image_reader import read_image
from nst_train.data.images import Rgb, as_rgb, list_images, read_rgb
from nst_train.data.paintings import held_out
from nst_train.recipes.settings import SMALLEST_LEVEL

from nst_bench.quality.losses import PAINTING_SIDE, SCALES

Item = TypeVar("Item")
Group = Literal["named", "held-out"]


@dataclass(frozen=True)
class Painting:
    """A painting that styles are held against."""

    name: str
    path: Path
    group: Group
    side: int = PAINTING_SIDE
    """Long side that it is brought to, in pixels: what decides how large its strokes are."""

    @cached_property
    def sha256(self) -> str:
        return file_sha256(self.path)

    @property
    def question(self) -> Any:
        """What tells this painting at this size from any other, for `Store`."""
        return self.sha256 if self.side == PAINTING_SIDE else [self.sha256, self.side]

    @cached_property
    def rgb(self) -> Rgb:
        """uint8 (H, W, 3), as it is in the file."""
        return read_rgb(self.path)


@dataclass(frozen=True)
class Photograph:
    """A photograph at the size it is stylised at."""

    path: Path
    bgr: Rgb
    """uint8 (H, W, 3), BGR."""

    @cached_property
    def sha256(self) -> str:
        return file_sha256(self.path)

    @property
    def question(self) -> list[Any]:
        """What tells this photograph at this size from any other, for `Store`."""
        return [self.sha256, *self.bgr.shape[:2]]

    @property
    def rgb(self) -> Rgb:
        return as_rgb(self.bgr[..., ::-1])


def choose_photographs(folder: Path, count: int, side: int) -> list[Photograph]:
    """Photographs spread evenly over a folder, sorted by size, so that each size's session is opened once.

    Args:
        count: how many; 0 takes all.
        side: larger ones are brought down to this long side, in pixels.

    Raises:
        InputError: no such folder, no image in it, one that cannot be read or is too small for the style loss.
    """
    chosen = [read_photograph(path, side) for path in spread(list_images(folder), count)]
    return sorted(chosen, key=lambda photograph: photograph.bgr.shape)


def read_photograph(path: Path, side: int) -> Photograph:
    """A photograph, brought down to a long side of `side` pixels where it is larger.

    Raises:
        InputError: it cannot be read, or is too small for the style loss.
    """
    bgr = read_image(path).shrunk(side).bgr
    height, width = bgr.shape[:2]
    least = SMALLEST_LEVEL << (SCALES - 1)
    if min(height, width) < least:
        raise InputError(
            f"{path}: {width}x{height} px, and the style loss needs {least} px a side. Take another, or give a larger "
            "--side"
        )
    return Photograph(path, bgr)


def held_out_paintings(folder: Path, every: int, count: int) -> list[Painting]:
    """The paintings of a folder that `nst-rt train conditional --hold-out EVERY` does not learn from.

    Args:
        count: so many of them, spread evenly; 0 takes all.

    Raises:
        InputError: no such folder, or too few images in it.
    """
    paths = held_out(list_images(folder), every)
    if not paths:
        raise InputError(f"{folder}: fewer than {every} paintings, so none was held out. Give a smaller number")
    return [Painting(path.stem, path, "held-out") for path in spread(paths, count)]


def named_paintings(paintings: Mapping[str, Path], table: Mapping[str, NamedStyle]) -> list[Painting]:
    """The paintings behind named styles, at the size that the table has them learned at."""
    return [Painting(name, path, "named", round(table[name].scale * PAINTING_SIDE)) for name, path in paintings.items()]


def spread(items: list[Item], count: int) -> list[Item]:
    """`count` of the items, evenly; all of them where there are no more, or for 0."""
    if not 0 < count < len(items):
        return items
    return [items[index * len(items) // count] for index in range(count)]
