"""Contact sheets of validation photographs in the styles as they are at the moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from nst_rt.errors import OutputError
from nst_rt.files.atomic import replacing
from nst_rt.media.images.contact_sheet import Cell, contact_sheet
from torch import Tensor

from nst_train.data.crops import as_batch, as_floats
from nst_train.data.images import ImageFolder, Rgb, as_rgb
from nst_train.settings import MULTIPLE

COLUMNS = 8
"""Styles side by side; more begin a new band."""


@dataclass(frozen=True)
class Column:
    """One style of a sheet."""

    label: str
    painting: Rgb | None
    """Shown above the stylised photographs."""
    stylise: Callable[[Tensor], Tensor]
    """RGB (1, 3, H, W) in [0, 1], sides multiples of 8, to the same shape."""


def choose_photographs(folder: ImageFolder, count: int = 3, side: int = 480) -> list[Rgb]:
    """Images spread evenly over a folder, their long side at most `side` and both sides multiples of 8."""
    places = range(0, len(folder), max(1, len(folder) // count))
    chosen = []
    for place in places[:count]:
        image = folder.image(place)
        scale = min(1.0, side / max(image.shape[:2]))
        height, width = (max(MULTIPLE * 2, int(n * scale) // MULTIPLE * MULTIPLE) for n in image.shape[:2])
        chosen.append(as_rgb(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)))
    return chosen


@torch.no_grad()
def draw_sheet(photographs: Sequence[Rgb], columns: Sequence[Column], device: torch.device, side: int = 256) -> Rgb:
    """An image: bands of up to 8 styles, in each the paintings, then a row for every photograph.

    Returns:
        uint8 BGR, as `contact_sheet` makes it.
    """
    cells: list[Cell] = []
    shown = min(COLUMNS, len(columns))
    blank = Cell(np.full((8, 8, 3), 250, np.uint8), "")
    for start in range(0, len(columns), shown):
        band = columns[start : start + shown]
        fill = [blank] * (shown - len(band))
        header = [blank if c.painting is None else Cell(_bgr(c.painting), c.label) for c in band]
        cells += [blank, *header, *fill]
        for photograph in photographs:
            tensor = as_floats(as_batch([photograph])).to(device)
            stylised = [Cell(_bgr(_image(c.stylise(tensor))), c.label) for c in band]
            cells += [Cell(_bgr(photograph), "photograph"), *stylised, *fill]
    return contact_sheet(cells, columns=shown + 1, side=side, gap=6)


def write_sheet(sheet: Rgb, path: Path) -> None:
    """Write a BGR sheet as JPEG.

    Raises:
        OutputError: it cannot be written.
    """
    done, data = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not done:
        raise OutputError(f"{path}: the sheet of {sheet.shape[1]}x{sheet.shape[0]} px cannot be written as JPEG")
    with replacing(path) as temporary:
        temporary.write_bytes(data.tobytes())


def _image(stylised: Tensor) -> Rgb:
    return as_rgb((stylised[0].float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy())


def _bgr(image: Rgb) -> Rgb:
    return as_rgb(image[..., ::-1])
