"""Parts of nst-rt whose packages not every installation has."""

from importlib.metadata import entry_points
from typing import Any, NoReturn

from nst_rt.errors import DependencyError, install_line

EXPORT_PACKAGES = ("torch", "onnx")
"""What the extra `export` brings, by the names they are imported under."""


def refuse_missing(error: ModuleNotFoundError, what: str) -> NoReturn:
    """Raise in place of a failed import of the exporter's or the trainer's.

    Args:
        what: the activity that needs the package.

    Raises:
        DependencyError: with the install line.
        ModuleNotFoundError: the error itself, where the extra would not help.
    """
    package = (error.name or "").partition(".")[0]
    if package not in EXPORT_PACKAGES:
        raise error
    raise DependencyError(f"{what} needs {package}: {install_line('export')}") from error


def load_registered(group: str, what: str) -> Any:
    """What a package of this distribution has registered under an entry point group: the first that is there.

    Args:
        what: needs it.

    Raises:
        DependencyError: there is none, or it lacks a package; the message holds the install line.
    """
    for entry in entry_points(group=group):
        try:
            return entry.load()
        except ModuleNotFoundError as error:
            refuse_missing(error, what)
    raise DependencyError(f"{what} needs the exporter: {install_line('export')}")
