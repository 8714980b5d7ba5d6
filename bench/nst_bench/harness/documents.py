"""The files of a report: each one appears whole or not at all."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer
from nst_rt.contract import Frame
from nst_rt.errors import NstError
from nst_rt.files.atomic import replacing
from nst_rt.media.images.contact_sheet import Cell, contact_sheet
from nst_rt.media.images.image_writer import write_image

SHEET_QUALITY = 88
"""JPEG's, of contact sheets."""


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write texts into a folder, by the names of their files.

    Raises:
        OutputError: the folder cannot be written to.
    """
    for name, text in texts.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def as_json(report: Mapping[str, Any]) -> str:
    """A report as the text of a JSON file."""
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"


def print_measured(measure: Callable[[], Mapping[str, Any]]) -> None:
    """Print what a measurement returns as JSON to stdout, or one line on stderr if it fails.

    Raises:
        typer.Exit: it failed, with the exit code of its `NstError`.
    """
    try:
        measured = measure()
    except NstError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    typer.echo(json.dumps(measured, indent=2))


def write_sheet(path: Path, sheet: Frame) -> None:
    """Write a contact sheet uint8 (H, W, 3) BGR as JPEG.

    Raises:
        OutputError: it cannot be written.
    """
    write_image(path, sheet, quality=SHEET_QUALITY)


def draw_rows(rows: Sequence[Sequence[Cell]], *, side: int, gap: int) -> Frame:
    """A contact sheet uint8 (H, W, 3) BGR with one line per row; shorter rows end in empty places.

    Args:
        side: of an image at most, in pixels.
        gap: between images, in pixels.
    """
    columns = max(map(len, rows))
    blank = Cell(np.full((8, 8, 3), 250, np.uint8), "")
    cells = [cell for row in rows for cell in [*row, *[blank] * (columns - len(row))]]
    return contact_sheet(cells, columns=columns, side=side, gap=gap)
