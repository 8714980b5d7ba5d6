"""Reading files: their hashes, and one line for each way in which a file cannot be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nst_rt.errors import InputError


@contextmanager
def refusing_unreadable(name: str | Path, folder_hint: str) -> Iterator[None]:
    """Raise an InputError where the block cannot open or read a file.

    Args:
        name: what errors call the file.
        folder_hint: what to do about a folder, behind "a folder, ".

    Raises:
        InputError: missing, a folder, no permission, or the disk fails.
    """
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{name}: no such file. Check the name") from None
    except IsADirectoryError:
        raise InputError(f"{name}: a folder, {folder_hint}") from None
    except PermissionError:
        raise InputError(f"{name}: no permission to read it. Change its mode or copy it") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error}). Check the disk") from error


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, as hex digits.

    Raises:
        OSError: the file cannot be read.
    """
    import hashlib  # loads OpenSSL, which a plain run does not need

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
