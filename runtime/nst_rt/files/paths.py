"""Paths as the user wrote them: what is there, and what is no path at all."""

import os
import re
from pathlib import Path

from nst_rt.errors import InputError


# Unlike older pathlib's, these take a name that no file system takes, as one that is not there.
def exists(path: Path) -> bool:
    """Whether something is at `path`."""
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: Path) -> bool:
    """Whether a file is at `path`."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Whether a folder is at `path`."""
    return os.path.isdir(path)  # noqa: PTH112


def is_address(text: str) -> bool:
    """Whether the text is an address, `scheme://...`, as of a network stream, and not a path."""
    return re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE) is not None


def local_path(text: str) -> Path:
    """The path of a file to read. `Path` itself would turn the `//` of an address into `/`.

    Raises:
        InputError: an address.
    """
    path = Path(text)
    if is_address(text) and not exists(path):
        raise InputError(
            f"{text}: an address, and files are read here. Download it first; `nst-rt webcam --source` plays streams"
        )
    return path


local_path.__name__ = "path"  # the type that a command's help names
