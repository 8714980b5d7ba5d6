"""A grid's sheet: photographs at the left, paintings at the head or beside them, and the images by row and column."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap

import cv2
import numpy as np

from nst_rt.contract import Frame
from nst_rt.errors import NstError
from nst_rt.files.naming import style_tag
from nst_rt.files.paths import is_file
from nst_rt.jobs.grid.plan import Plan
from nst_rt.media.images.contact_sheet import Cell, contact_sheet, fitted
from nst_rt.media.images.image_reader import read_image
from nst_rt.styles.blends import is_style_image

_PAPER, _GRAY, _INK = 250, 222, (60, 60, 60)
_FACE = cv2.FONT_HERSHEY_SIMPLEX
_LINE = 26
"""Characters of a notice's line."""


def draw_grid(plan: Plan, folder: Path, missing: Mapping[str, str], *, side: int) -> Frame:
    """The sheet, uint8 (H, W, 3) BGR.

    Args:
        folder: of the single images.
        missing: why an image is not there, by its file's name.
        side: of a cell at most, in pixels.
    """
    beside = [cell.request.style for cell in plan.cells[:: plan.columns]] if not any(plan.heads) else []
    if not any(_painting(style) for style in beside):
        beside = []
    blank = Cell(np.full((1, 1, 3), _PAPER, np.uint8), "")
    cells: list[Cell] = []
    if any(_painting(style) for style in plan.heads):
        cells += [blank, *(_read(Path(style), side) if _painting(style) else blank for style in plan.heads)]
    for row, (content, label) in enumerate(zip(plan.contents, plan.sides, strict=True)):
        cells.append(_read(content, side, label))
        if beside:
            cells.append(_read(Path(beside[row]), side) if _painting(beside[row]) else blank)
        for cell in plan.cells[row * plan.columns : (row + 1) * plan.columns]:
            if cell.file in missing:
                cells.append(Cell(notice(missing[cell.file], side), cell.label))
            else:
                cells.append(_read(folder / cell.file, side, cell.label))
    return contact_sheet(cells, columns=1 + bool(beside) + plan.columns, side=side)


def notice(text: str, side: int) -> Frame:
    """A grey image uint8 (H, W, 3) that says why there is no other."""
    image = np.full((round(side * 0.66), side, 3), _GRAY, np.uint8)
    scale = 0.9 * side / cv2.getTextSize("n" * _LINE, _FACE, 1, 1)[0][0]
    height = round(44 * scale)
    for number, line in enumerate(wrap(text, _LINE)[: image.shape[0] // height - 1]):
        cv2.putText(image, line, (side // 20, (number + 1) * height), _FACE, scale, _INK, 1, cv2.LINE_AA)
    return image


def _painting(style: str) -> bool:
    return is_style_image(style) and is_file(Path(style))  # not a blend whose last term is one


def _read(path: Path, side: int, label: str | None = None) -> Cell:
    try:
        # Scaled down here, so that a large grid does not keep every image in memory in full size.
        image = fitted(read_image(path).bgr, side)
    except NstError as error:
        image = notice(str(error), side)
    return Cell(image, style_tag(path.name.removesuffix(path.suffix)) if label is None else label)
