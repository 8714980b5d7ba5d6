"""What can go wrong, as one tree. Every message says what happened, to which file, and what to do next.

NstError
├── InputError          a picture, film or folder that cannot be read
├── OutputError         a place that cannot be written to
├── ModelError          an ONNX file that is not ours, is broken, or breaks the contract
├── StyleError          a style, blend or strength that does not exist or does not fit the model
├── DeviceError         a device that was asked for by name and cannot run
├── SourceError         a camera or a stream that cannot be opened
├── DisplayError        no window can be shown here
└── DependencyError     a Python package that is not installed
"""


class NstError(Exception):
    """Base of all errors that nst-rt raises on purpose; the command line shows `str(error)` on one line."""


class InputError(NstError):
    """A picture, film or folder is missing, empty, truncated, of a wrong kind, too small or too large."""


class OutputError(NstError):
    """A result cannot be written: folder missing or read-only, disk full, unknown suffix."""


class ModelError(NstError):
    """An ONNX file is missing, truncated, not made for nst-rt, or breaks the model contract."""


class StyleError(NstError):
    """A style name, blend, style vector, strength or colour amount is unknown, malformed or out of range."""


class DeviceError(NstError):
    """A device that was asked for by name cannot run the model here."""


class SourceError(NstError):
    """A camera or a network stream cannot be opened or went away for good."""


class DisplayError(NstError):
    """A window was wanted and cannot be shown: no display, or an OpenCV build without windows."""


class DependencyError(NstError):
    """A Python package that this call needs is not installed; the message holds the exact install line."""
