"""Paths of files to read, as the user wrote them."""

from pathlib import Path

from nst_rt.errors import InputError


def local_path(text: str) -> Path:
    """The path of a file to read; as a `Path` an address would have lost a slash before anybody told of it.

    Raises:
        InputError: an address.
    """
    from nst_rt.files.address import is_address
    from nst_rt.files.naming import exists

    path = Path(text)
    if is_address(text) and not exists(path):
        raise InputError(
            f"{text}: an address, and files are read here. Download it first; `nst-rt webcam --source` plays streams"
        )
    return path


local_path.__name__ = "path"  # the type that a command's help names
