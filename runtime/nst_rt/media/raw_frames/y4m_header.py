"""The header of yuv4mpegpipe (YUV4MPEG2), the stream of raw frames of mjpegtools that says its own size and rate.

One line, `YUV4MPEG2 W640 H480 F30000:1001 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED`, then for every frame a line `FRAME`,
which may have parameters of its own, and the planes. `XCOLORRANGE` is FFmpeg's extension.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from nst_rt.errors import FrameStreamError

MAGIC = b"YUV4MPEG2"
FRAME = b"FRAME"
LONGEST_LINE = 1024
"""Bytes; FFmpeg takes headers of about a hundred."""

Siting = Literal["left", "center", "topleft"]
"""Where the chroma samples of 4:2:0 lie, by FFmpeg's names."""

_CHROMA: dict[str, tuple[str, Siting | None]] = {
    "420jpeg": ("yuv420p", "center"),
    "420mpeg2": ("yuv420p", "left"),
    "420paldv": ("yuv420p", "topleft"),
    "420": ("yuv420p", "center"),
    "422": ("yuv422p", None),
    "444": ("yuv444p", None),
    "mono": ("gray", None),
}
_DEFAULT_CHROMA = "420jpeg"
_RANGE = "COLORRANGE="
_RANGES = {"LIMITED": False, "FULL": True}
_INTERLACED = frozenset("tbm")


@dataclass(frozen=True)
class Y4mHeader:
    """The parameters of a stream.

    >>> header = Y4mHeader.parse(b"YUV4MPEG2 W640 H480 F25:1\\n")
    >>> header.width, header.pixels, header.rate
    (640, 'yuv420p', Fraction(25, 1))
    """

    parameters: tuple[str, ...]
    """Each with its letter, in their order: `("W640", "H480", "F25:1")`."""
    name: str = "stdin"
    """What messages call the stream."""

    @classmethod
    def parse(cls, line: bytes, name: str = "stdin") -> "Y4mHeader":
        """Read the header line, with its newline.

        Raises:
            FrameStreamError: another kind of stream, a line that does not end, no width or height, or a kind of
                pixels that cannot be read.
        """
        if not line:
            raise FrameStreamError(f"{name}: nothing came, not even a header. See what the program before it says")
        if line.split(b" ")[0].rstrip(b"\n") != MAGIC:
            if MAGIC.startswith(line):
                raise FrameStreamError(f"{name}: ends inside its header. See what the program before it says")
            raise FrameStreamError(
                f"{name}: not yuv4mpegpipe, it begins with {line[:12]!r}. Let ffmpeg write it with -f yuv4mpegpipe, "
                "or say which raw frames come, such as bgr24, and their size",
                parameter="format",
            )
        if not line.endswith(b"\n"):
            why = "does not end" if len(line) >= LONGEST_LINE else "is cut short"
            raise FrameStreamError(f"{name}: its yuv4mpegpipe header {why}. See what the program before it says")
        header = cls(tuple(line.decode("latin-1").split()[1:]), name)
        _ = header.width, header.height, header.pixels
        return header

    @classmethod
    def of(cls, width: int, height: int, pixels: str, *, full_range: bool, rate: Fraction | None) -> "Y4mHeader":
        """A header for raw frames.

        Args:
            width, height: in pixels.
            pixels: yuv420p, yuv422p, yuv444p or gray.
            full_range: whether their numbers go from 0 to 255.
            rate: frames a second; None is unknown.
        """
        chroma = next(tag for tag, (format, _) in _CHROMA.items() if format == pixels)
        written = f"{rate.numerator}:{rate.denominator}" if rate else "0:0"  # 0:0 is unknown
        size = (f"W{width}", f"H{height}", f"F{written}", "Ip", "A0:0", f"C{chroma}")
        return cls((*size, f"X{_RANGE}{'FULL' if full_range else 'LIMITED'}"))

    @property
    def width(self) -> int:
        return self._side("W", "width")

    @property
    def height(self) -> int:
        return self._side("H", "height")

    @property
    def pixels(self) -> str:
        """The layout, a name in `PIXEL_FORMATS`."""
        return self._chroma()[0]

    @property
    def siting(self) -> Siting | None:
        """Where the chroma samples lie; None unless it is 4:2:0."""
        return self._chroma()[1]

    @property
    def full_range(self) -> bool | None:
        """What XCOLORRANGE says; None where it is missing."""
        said = self._value("X" + _RANGE)
        return _RANGES.get(said) if said is not None else None

    @property
    def rate(self) -> Fraction | None:
        """Frames a second; None where the header does not say."""
        count, _, seconds = (self._value("F") or "").partition(":")
        if not all(part.isascii() and part.isdecimal() and int(part) for part in (count, seconds)):
            return None
        return Fraction(int(count), int(seconds))

    @property
    def interlaced(self) -> bool:
        """Whether frames consist of two fields, all or some of them."""
        return self._value("I") in _INTERLACED

    def with_full_range(self, full_range: bool) -> "Y4mHeader":
        """The same header with this XCOLORRANGE."""
        kept = [parameter for parameter in self.parameters if not parameter.startswith("X" + _RANGE)]
        return Y4mHeader((*kept, f"X{_RANGE}{'FULL' if full_range else 'LIMITED'}"), self.name)

    def centered(self) -> "Y4mHeader":
        """The same header with the chroma samples of 4:2:0 in the centre; unchanged where it is not 4:2:0."""
        if self.siting in (None, "center"):
            return self
        changed = {"C": f"C{_DEFAULT_CHROMA}", "XYSCSS=": f"XYSCSS={_DEFAULT_CHROMA.upper()}"}
        parameters = [
            next((new for key, new in changed.items() if parameter.startswith(key)), parameter)
            for parameter in self.parameters
        ]
        return Y4mHeader(tuple(parameters), self.name)

    def __bytes__(self) -> bytes:
        return MAGIC + b"".join(b" " + parameter.encode("latin-1") for parameter in self.parameters) + b"\n"

    def _value(self, key: str) -> str | None:
        return next((one[len(key) :] for one in self.parameters if one.startswith(key)), None)

    def _side(self, key: str, what: str) -> int:
        written = self._value(key) or ""
        if not (written.isascii() and written.isdecimal() and len(written) < 9 and int(written)):
            found = f"says {key}{written}" if written else "does not say it"
            raise FrameStreamError(f"{self.name}: no {what} in its header, which {found}. Write it with ffmpeg again")
        return int(written)

    def _chroma(self) -> tuple[str, Siting | None]:
        tag = self._value("C") or _DEFAULT_CHROMA
        if tag not in _CHROMA:
            raise FrameStreamError(
                f"{self.name}: pixels of the kind C{tag} cannot be read, only C{', C'.join(_CHROMA)}, 8 bits each. "
                "Convert them: ffmpeg -pix_fmt yuv420p"
            )
        return _CHROMA[tag]
