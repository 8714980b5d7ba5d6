"""What the images beside a sheet were made of, so that the same line again makes only what is missing or changed."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nst_rt.errors import OutputError
from nst_rt.files.atomic import replacing, why_not_written
from nst_rt.files.reading import file_sha256
from nst_rt.version import __version__

log = logging.getLogger("nst_rt")

NAME = "grid.json"


class GridRecord:
    """The record of a grid's folder, `grid.json` in it; written after every image.

    Args:
        folder: of the single images; made if missing.
        anew: forget what an earlier run has left.

    Raises:
        OutputError: the folder holds other things than a grid's images, or cannot be made.
    """

    def __init__(self, folder: Path, *, anew: bool = False) -> None:
        self._folder = folder
        self._images: dict[str, dict[str, Any]] = {}
        self._sheets = sheets_of(folder)
        path = folder / NAME
        if path.is_file():
            self._images = {} if anew else _read(path)
        elif not anew and folder.is_dir() and any(folder.iterdir()):
            raise OutputError(
                f"{folder}: holds other things than a grid. Give another output, or overwrite it", parameter="overwrite"
            )
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(why_not_written(folder, error)) from error

    def holds(self, file: str, inputs: Mapping[str, Any]) -> bool:
        """Whether an image of these inputs is there, unchanged since it was made."""
        entry, path = self._images.get(file), self._folder / file
        if entry is None or entry.get("inputs") != _with_version(inputs) or not path.is_file():
            return False
        return bool(file_sha256(path) == entry.get("sha256"))

    def add(self, file: str, inputs: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        """Record an image that was just written.

        Args:
            inputs: what it depends on, ready for JSON.
            told: what else is worth knowing.

        Raises:
            OutputError: the record cannot be written.
        """
        entry = {**told, "inputs": _with_version(inputs), "sha256": file_sha256(self._folder / file)}
        self._images[file] = entry
        self._write()

    def add_sheet(self, name: str) -> None:
        """Record a sheet that was just written beside the folder, so that it may be replaced later.

        Raises:
            OutputError: the record cannot be written.
        """
        if name not in self._sheets:
            self._sheets.append(name)
            self._write()

    def _write(self) -> None:
        content = {"sheets": self._sheets, "images": self._images}
        with replacing(self._folder / NAME) as temporary:
            temporary.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")


def sheets_of(folder: Path) -> list[str]:
    """Names of the sheets beside a grid's folder that were made of its images; none if it is no grid's."""
    try:
        return [str(name) for name in json.loads((folder / NAME).read_text("utf-8"))["sheets"]]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _with_version(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {**inputs, "nst_rt": __version__}


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        images = json.loads(path.read_text("utf-8"))["images"]
        return {str(file): dict(entry) for file, entry in images.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("%s cannot be read (%s); every image is made again", path, type(error).__name__)
        return {}
