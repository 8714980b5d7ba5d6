"""Parts of nst-rt whose packages not every installation has."""

from typing import NoReturn

from nst_rt.errors import DependencyError

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
    raise DependencyError(f'{what} needs {package}: pip install "nst-rt[export]"') from error
