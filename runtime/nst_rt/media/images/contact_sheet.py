"""Contact sheets: images side by side with a label under each."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from nst_rt.contract import Frame

_PAPER, _INK = (250, 250, 250), (40, 40, 40)
_FACE = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class Cell:
    """One image of a sheet, and its label."""

    image: Frame
    """uint8 (height, width, 3) BGR."""
    label: str
    """ASCII: OpenCV draws nothing else."""


def contact_sheet(cells: list[Cell], *, columns: int | None = None, side: int = 320, gap: int = 10) -> Frame:
    """Lay cells out in rows, each image fitted into `side` x `side` pixels without distortion.

    >>> contact_sheet([Cell(np.zeros((64, 96, 3), np.uint8), "night")], side=96).shape
    (102, 116, 3)

    Args:
        columns: if left out, as many as make the sheet about 3:2 and leave few places empty.
        side: longest side of an image on the sheet, in pixels.
        gap: pixels between images.

    Returns:
        uint8 (height, width, 3) BGR.

    Raises:
        ValueError: no cells.
    """
    if not cells:
        raise ValueError("a sheet needs at least one image")
    images = [fitted(cell.image, side) for cell in cells]
    height = max(image.shape[0] for image in images)
    width = max(image.shape[1] for image in images)
    strip = max(18, side // 10)
    columns = columns or _columns(len(cells), math.sqrt(1.5 * len(cells) * (height + strip) / width))
    rows = math.ceil(len(cells) / columns)
    sheet = np.full((rows * (height + strip + gap) + gap, columns * (width + gap) + gap, 3), _PAPER, np.uint8)
    for index, (cell, image) in enumerate(zip(cells, images, strict=True)):
        top = gap + index // columns * (height + strip + gap)
        left = gap + index % columns * (width + gap)
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
        _write(sheet, cell.label, left, top + height, width, strip)
    return sheet


def _columns(cells: int, ideal: float) -> int:
    around = range(max(1, round(ideal) - 1), round(ideal) + 2)
    return min(around, key=lambda columns: (-cells % columns, abs(columns - ideal)))


def fitted(image: Frame, side: int) -> Frame:
    """The image, uint8 (height, width, 3), scaled down to a long side of at most `side` pixels; never enlarged."""
    scale = min(1.0, side / max(image.shape[:2]))
    if scale == 1.0:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _write(sheet: Frame, label: str, left: int, top: int, width: int, strip: int) -> None:
    scale = strip / 40
    while label and cv2.getTextSize(label, _FACE, scale, 1)[0][0] > width:
        label = label[:-4] + "..." if len(label) > 4 else ""
    cv2.putText(sheet, label, (left + 2, top + round(strip * 0.75)), _FACE, scale, _INK, 1, cv2.LINE_AA)
