"""Writes several entries of a folder so that all of them appear together, or none."""

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nst_rt.errors import OutputError
from nst_rt.files.atomic import why_not_written


@contextmanager
def placing(folder: Path, stale: Sequence[Path]) -> Iterator[Path]:
    """Give a temporary folder beside `folder` to write entries to; after the block they are moved into `folder`.

    If the block or a move fails, also by KeyboardInterrupt, `folder` is as it was before.

    Args:
        folder: created if it does not exist; its parent must exist.
        stale: entries of it to remove together with the replaced ones.

    Raises:
        OutputError: a file cannot be written or moved, because the disk is full for example.
    """
    temporary = folder.absolute().with_name(f".{folder.name[:100]}.{secrets.token_hex(4)}.part")
    new, old = temporary / "new", temporary / "old"
    try:
        try:
            new.mkdir(parents=True)
            old.mkdir()
            yield new
            _move(folder, new, old, stale)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise OutputError(why_not_written(folder, error)) from error


def refuse_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that `placing` could not write to, before any work is done.

    Raises:
        OutputError: a file, a missing or read-only parent, or a folder that is not empty, without `overwrite`.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{folder}: a file, not a folder. Give another name")
        parent = folder.absolute().parent
        if not parent.is_dir():
            raise OutputError(f"{folder}: there is no folder {parent}. Create it first")
        writable = [parent, folder] if folder.is_dir() else [parent]
        if not all(os.access(place, os.W_OK) for place in writable):
            raise OutputError(
                f"{folder}: no permission to write there. Write elsewhere, or change the folder's permissions"
            )
        filled = folder.is_dir() and any(folder.iterdir())
    except OSError as error:
        raise OutputError(why_not_written(folder, error)) from error
    if filled and not overwrite:
        raise OutputError(
            f"{folder}: is not empty. Give another folder, or allow overwriting: it replaces what nst-rt wrote there "
            "for this model and keeps everything else",
            parameter="overwrite",
        )


def _move(folder: Path, new: Path, old: Path, stale: Sequence[Path]) -> None:
    made = not folder.exists()
    folder.mkdir(exist_ok=True)
    undo: list[tuple[Path, Path]] = []
    try:
        leaving = {path.name for path in stale} | {path.name for path in new.iterdir()}
        for name in sorted(leaving):
            if os.path.lexists(folder / name):
                (folder / name).rename(old / name)
                undo.append((old / name, folder / name))
        for path in sorted(new.iterdir()):
            path.rename(folder / path.name)
            undo.append((folder / path.name, path))
    except BaseException:
        for now, before in reversed(undo):
            now.rename(before)
        if made:
            folder.rmdir()
        raise
