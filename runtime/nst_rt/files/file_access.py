"""What is wrong with a file that cannot be opened or read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nst_rt.errors import InputError


@contextmanager
def refusing_unreadable(name: str | Path, folder_hint: str) -> Iterator[None]:
    """Tell of errors of opening and reading a file.

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
