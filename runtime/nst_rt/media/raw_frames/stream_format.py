"""What a stream of frames is made of, on the way in and on the way out."""

from dataclasses import dataclass, replace
from fractions import Fraction

from nst_rt.errors import FrameStreamError, InputError
from nst_rt.media.images.image_reader import unfit_sides
from nst_rt.media.pixels.color_spaces import BT601, BT709, FULL, LIMITED, ColorSpace, untagged
from nst_rt.media.pixels.pixel_formats import PIXEL_FORMATS, PixelFormat
from nst_rt.media.raw_frames.y4m import Siting, Y4mHeader

Y4M = "yuv4mpegpipe"
FORMATS = (Y4M, *PIXEL_FORMATS)
"""Names of the streams that can be read and written."""

MATRICES = {"bt601": BT601, "bt709": BT709}
RANGES = {"limited": LIMITED, "full": FULL}

_SCALE_IT = "Scale it first: ffmpeg -vf scale"


@dataclass(frozen=True)
class StreamFormat:
    """Frames of one size and kind."""

    width: int
    height: int
    pixels: PixelFormat
    colors: ColorSpace
    """Matrix of YUV and weights of gray; the range of both."""
    siting: Siting | None = None
    """Where the colour samples of 4:2:0 lie. None: read and written in the centre."""
    header: Y4mHeader | None = None
    """Of yuv4mpegpipe; raw frames have none."""

    @classmethod
    def of_y4m(cls, header: Y4mHeader, *, matrix: str = "auto", range: str = "auto") -> "StreamFormat":
        """What a yuv4mpegpipe stream is.

        Args:
            header: of the stream.
            matrix: bt601 or bt709; auto: as players assume it, BT.709 from 720 rows up and BT.601 below.
            range: limited or full; auto: as the header says, else limited, and full for gray.

        Raises:
            FrameStreamError: a side under 16 or over 16 384 pixels.
        """
        if range == "auto" and header.full_range is not None:
            told = "full" if header.full_range else "limited"
        else:
            told = range
        if range != "auto":
            header = header.with_full_range(range == "full")
        size = header.width, header.height
        if why := unfit_sides(*size):
            raise FrameStreamError(f"{header.name}: {why}. {_SCALE_IT}")
        pixels = PIXEL_FORMATS[header.pixels]
        return cls(*size, pixels, _colors(*size, pixels, matrix, told), header.siting, header)

    @classmethod
    def of_raw(
        cls, width: int, height: int, pixels: str, *, matrix: str = "auto", range: str = "auto"
    ) -> "StreamFormat":
        """What raw frames are; `matrix` as above, `range` auto is limited, and full for gray.

        Raises:
            InputError: a side under 16 or over 16 384 pixels.
        """
        if why := unfit_sides(width, height):
            raise InputError(f"--size: {why}. {_SCALE_IT}")
        format = PIXEL_FORMATS[pixels]
        return cls(width, height, format, _colors(width, height, format, matrix, range))

    @property
    def name(self) -> str:
        """As `--format` takes it."""
        return self.pixels.name if self.header is None else Y4M

    @property
    def frame_bytes(self) -> int:
        """Size of a frame, without a line before it."""
        return self.pixels.frame_bytes(self.width, self.height)

    def converted(self, name: str, *, range: str = "auto", rate: Fraction | None = None) -> "StreamFormat":
        """The stream for stylised frames of this one.

        Args:
            name: of the format. yuv4mpegpipe keeps the kind of pixels where it has it and takes 4:2:0 otherwise.
            range: of YUV or gray made from RGB; YUV stays in its range, and so does gray.
            rate: frames a second, for the header of yuv4mpegpipe where none came; None is unknown.
        """
        if name == Y4M and self.header is not None:
            return replace(self, siting=None, header=self.header.centered())
        if name == Y4M:
            kept = self.pixels.name in ("yuv420p", "yuv422p", "yuv444p", "gray")
            pixels = self.pixels if kept else PIXEL_FORMATS["yuv420p"]
        else:
            pixels = PIXEL_FORMATS[name]
        if pixels.colors == self.pixels.colors:
            colors = self.colors
        else:
            colors = replace(self.colors, range=_range(pixels, range if self.pixels.colors == "rgb" else "auto"))
        header = None
        if name == Y4M:
            full = colors.range == FULL
            header = Y4mHeader.of(self.width, self.height, pixels.name, full_range=full, rate=rate)
        return StreamFormat(self.width, self.height, pixels, colors, header=header)

    def __str__(self) -> str:
        said = f"{self.name} {self.width}x{self.height}"
        if self.header is not None:
            said += f" {self.pixels.name}"
        if self.pixels.colors == "rgb":
            return said
        matrix = "BT.709" if self.colors.matrix == BT709.matrix else "BT.601"
        return f"{said}, {matrix}, {'full' if self.colors.range == FULL else 'limited'} range"


def _colors(width: int, height: int, pixels: PixelFormat, matrix: str, range: str) -> ColorSpace:
    return replace(MATRICES.get(matrix) or untagged(width, height), range=_range(pixels, range))


def _range(pixels: PixelFormat, said: str) -> int:
    return RANGES.get(said) or (FULL if pixels.colors == "gray" else LIMITED)
