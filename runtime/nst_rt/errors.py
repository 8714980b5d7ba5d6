"""What can go wrong, as one tree. Every message says what happened, to which file, and what to do next.

NstError
├── InputError          an image, video or folder that cannot be read
│   ├── FrameStreamError    a stream of frames whose header or frames are not what they should be
│   └── CutFrameError   a stream of frames that ends inside a frame
├── OutputError         a place that cannot be written to
│   └── ReaderGoneError the program that reads our stdout is gone
├── ModelError          an ONNX file that is not ours, is broken, or breaks the contract
├── StyleError          a style, blend or strength that does not exist or does not fit the model
│   └── ExpressionError a blend, timeline or list of regions that cannot be read; it shows the place
├── DeviceError         a device that was asked for by name and cannot run
├── SourceError         a camera or a stream that cannot be opened
├── ShareError          shared memory that cannot be made, opened or trusted
│   ├── RoleTakenError      another server, producer or consumer is there already
│   ├── ServerGoneError     the server ended or was killed
│   └── ShareTimeoutError   no frame, no room or no server came in time
├── DisplayError        no window can be shown here
└── DependencyError     a Python package that is not installed
"""

from collections.abc import Iterable

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C or `kill` ended: 128 + SIGINT, as shells count."""


class NstError(Exception):
    """Base of all errors that nst-rt raises on purpose; the command line shows `str(error)` on one line.

    Args:
        message: what happened, to which file, and what to do next, in the words of the library.
        parameter: the parameter that the message is about, such as `stroke_size`; the command line names its option.
    """

    def __init__(self, message: str = "", *, parameter: str = "") -> None:
        super().__init__(message)
        self.parameter = parameter

    below: str = ""
    """Lines that the command line shows beneath, as they are."""
    exit_code: int = 2
    """What the command line ends with."""


class InputError(NstError):
    """An image, video or folder is missing, empty, truncated, of a wrong kind, too small or too large."""


class FrameStreamError(InputError):
    """A stream of frames begins with a header that is broken, unknown or missing, or changes its size on the way."""

    exit_code = 3


class CutFrameError(InputError):
    """A stream of frames ends inside a frame."""

    exit_code = 4


class OutputError(NstError):
    """A result cannot be written: folder missing or read-only, disk full, unknown suffix."""


class ReaderGoneError(OutputError):
    """The program that reads our stdout went away before the end."""

    exit_code = 5


class ModelError(NstError):
    """An ONNX file is missing, truncated, not made for nst-rt, or breaks the model contract."""


class StyleError(NstError):
    """A style name, blend, style vector, strength or colour amount is unknown, malformed or out of range."""


class ExpressionError(StyleError):
    """A blend, timeline or list of regions that cannot be read; `below` is the text with a caret under the place."""

    def __init__(self, message: str, *, position: int, reason: str, below: str, parameter: str = "") -> None:
        super().__init__(message, parameter=parameter)
        self.position = position
        """Of the first wrong character, from 0."""
        self.reason = reason
        """What is wrong there."""
        self.below = below


class DeviceError(NstError):
    """A device that was asked for by name cannot run the model here."""


class SourceError(NstError):
    """A camera or a network stream cannot be opened or went away for good."""


class ShareError(NstError):
    """A segment of shared memory cannot be made, is not there, is of another version, or was damaged."""


class RoleTakenError(ShareError):
    """A segment has its server, its producer or its consumer already."""


class ServerGoneError(ShareError):
    """The server of a segment ended or was killed; frames that were on their way are lost."""


class ShareTimeoutError(ShareError):
    """Nothing came, or no room was made, within the time that was given; try again."""


class DisplayError(NstError):
    """A window was wanted and cannot be shown: no display, or an OpenCV build without windows."""


class DependencyError(NstError):
    """A Python package that this call needs is not installed; the message holds the exact install line."""


_CONSTRAINED = ("export",)
"""Extras with torch, whose newest build brings gigabytes of CUDA libraries where constraints.txt does not pin it."""


def install_line(extra: str, *packages: str) -> str:
    """A line for a shell that installs what is missing; its comment says where to run it.

    nst-rt is on no package index: pip takes it from its checkout.

    Args:
        extra: one of pyproject.toml's.
        packages: what to install along with it, as pip names it.
    """
    constraints = "-c constraints.txt " if extra in _CONSTRAINED else ""
    wanted = " ".join(f'"{one}"' for one in (f".[{extra}]", *packages))
    return f"pip install {constraints}{wanted}  # in the checkout of nst-rt"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'gogh'?)`, to follow the statement that `name` is unknown; empty where nothing is near."""
    import difflib  # only errors need it

    nearest = difflib.get_close_matches(name.lower(), [str(other) for other in known], n=1, cutoff=0.5)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""
