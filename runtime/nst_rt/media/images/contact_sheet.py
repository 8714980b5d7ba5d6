"""Contact sheets: pictures side by side with a label under each."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from nst_rt.media.pixels.frame import Image

_PAPER, _INK = (250, 250, 250), (40, 40, 40)
_FACE = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class Cell:
    """One picture of a sheet: uint8 (H, W, 3) BGR, and its label (ASCII)."""

    picture: Image
    label: str


def contact_sheet(cells: list[Cell], *, columns: int | None = None, side: int = 320, gap: int = 10) -> Image:
    """Lay cells out in rows, each picture fitted into `side` x `side` pixels without distortion.

    Args:
        columns: by default as many as make the sheet about 3:2 and leave few places empty.

    Returns:
        uint8 (H, W, 3) BGR.

    Raises:
        ValueError: no cells.
    """
    if not cells:
        raise ValueError("a sheet needs at least one picture")
    pictures = [fitted(cell.picture, side) for cell in cells]
    height = max(picture.shape[0] for picture in pictures)
    width = max(picture.shape[1] for picture in pictures)
    strip = max(18, side // 10)
    columns = columns or _columns(len(cells), math.sqrt(1.5 * len(cells) * (height + strip) / width))
    rows = math.ceil(len(cells) / columns)
    sheet = np.full((rows * (height + strip + gap) + gap, columns * (width + gap) + gap, 3), _PAPER, np.uint8)
    for index, (cell, picture) in enumerate(zip(cells, pictures, strict=True)):
        top = gap + index // columns * (height + strip + gap)
        left = gap + index % columns * (width + gap)
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        _write(sheet, cell.label, left, top + height, width, strip)
    return sheet


def _columns(cells: int, ideal: float) -> int:
    around = range(max(1, round(ideal) - 1), round(ideal) + 2)
    return min(around, key=lambda columns: (-cells % columns, abs(columns - ideal)))


def fitted(picture: Image, side: int) -> Image:
    """The picture brought down to a long side of at most `side` pixels; never enlarged."""
    scale = min(1.0, side / max(picture.shape[:2]))
    if scale == 1.0:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _write(sheet: Image, label: str, left: int, top: int, width: int, strip: int) -> None:
    scale = strip / 40
    while label and cv2.getTextSize(label, _FACE, scale, 1)[0][0] > width:
        label = label[:-4] + "..." if len(label) > 4 else ""
    cv2.putText(sheet, label, (left + 2, top + round(strip * 0.75)), _FACE, scale, _INK, 1, cv2.LINE_AA)
