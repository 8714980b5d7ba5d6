"""Files that appear whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nst_rt.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file in `path`'s folder to write to; it takes `path`'s place when the block ends well.

    If the block raises anything, KeyboardInterrupt included, the temporary file goes and whatever was at `path`
    stays. The temporary name is hidden and ends in `path`'s suffix. A symbolic link is written through.

    Raises:
        OutputError: `path` is a folder or a device, its folder is missing or read-only, or an OSError in the block
            (disk full, say).
    """
    target = refuse_unwritable(path)
    temporary = target.with_name(f".{target.stem[:100]}.{os.urandom(4).hex()}.part{target.suffix}")
    try:
        # Made here and not with tempfile, whose files only their owner may read; EXCL also proves we may write here.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            yield temporary
            if target.exists():
                temporary.chmod(target.stat().st_mode & 0o777)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(why_not_written(path, error)) from error


def refuse_unwritable(path: Path) -> Path:
    """The file that writing to `path` would make or replace, links followed.

    Raises:
        OutputError: it is a folder or a device, or its folder is missing or read-only.
    """
    target = Path(os.path.realpath(path))
    try:
        _check(target, path)
    except OSError as error:
        raise OutputError(why_not_written(path, error)) from error
    return target


def _check(target: Path, path: Path) -> None:
    if target.is_dir():
        raise OutputError(f"{path}: a folder, not a file. Name a file in it")
    if target.exists() and not target.is_file():
        # Replacing /dev/null with an image is something root can do, and regret.
        raise OutputError(f"{path}: a device or a pipe, not a file. Name a file")
    if not target.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {target.parent}. Make it first")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "")


def why_not_written(path: Path, error: OSError) -> str:
    """One line for an OSError that came up while `path` was being written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path}: the disk is full, nothing was kept. Free some space or write elsewhere"
    if error.errno == errno.EFBIG:
        return f"{path}: too large for this disk or for the limit on file sizes, nothing was kept. Write elsewhere"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{path}: no permission to write in {path.parent}. Write elsewhere or change the folder's mode"
    if error.errno == errno.EROFS:
        return f"{path}: the disk is read-only. Write elsewhere"
    if error.errno == errno.ENAMETOOLONG:
        return f"{path.name[:40]}...: the name is too long. Choose a shorter one"
    return f"{path}: cannot be written ({error.strerror or error}). Check the disk or write elsewhere"
