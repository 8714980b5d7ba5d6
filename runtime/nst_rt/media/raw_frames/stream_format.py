"""The format of a stream of frames: size, layout, colours and, for yuv4mpegpipe, the header."""

from dataclasses import dataclass, replace
from fractions import Fraction

from nst_rt.errors import FrameStreamError, InputError
from nst_rt.media.pixels.color_spaces import BT709, FULL, ColorSpace
from nst_rt.media.pixels.frame_size import unfit_sides
from nst_rt.media.pixels.pixel_formats import PIXEL_FORMATS, PixelFormat
from nst_rt.media.raw_frames.color_matrix import chosen_colors, chosen_range
from nst_rt.media.raw_frames.y4m_header import Siting, Y4mHeader

Y4M = "yuv4mpegpipe"
FORMATS = (Y4M, *PIXEL_FORMATS)
"""Names of the streams that can be read and written."""

_SCALE_FIRST = "Scale the frames first: ffmpeg -vf scale"


@dataclass(frozen=True)
class StreamFormat:
    """Frames of one size and kind.

    >>> print(StreamFormat.of_raw(1280, 720, "nv12"))
    nv12 1280x720, BT.709, limited range
    """

    width: int
    height: int
    pixels: PixelFormat
    colors: ColorSpace
    """Matrix of YUV and weights of gray; the range of both."""
    siting: Siting | None = None
    """Where the chroma samples of 4:2:0 lie. None: in the centre of their pixels."""
    header: Y4mHeader | None = None
    """Of yuv4mpegpipe; raw frames have none."""

    @classmethod
    def of_y4m(cls, header: Y4mHeader, *, matrix: str = "auto", range: str = "auto") -> "StreamFormat":
        """The format of a yuv4mpegpipe stream.

        Args:
            header: of the stream.
            matrix: "bt601", "bt709" or "auto", which is BT.709 from 720 rows up and BT.601 below, as players assume.
            range: "limited", "full" or "auto", which is what the header says, else limited, and full for gray.

        Raises:
            FrameStreamError: a side under 16 or over 16 384 pixels.
        """
        if why := unfit_sides(header.width, header.height):
            raise FrameStreamError(f"{header.name}: {why}. {_SCALE_FIRST}")
        if range != "auto":
            header = header.with_full_range(range == "full")
        elif header.full_range is not None:
            range = "full" if header.full_range else "limited"
        pixels = PIXEL_FORMATS[header.pixels]
        colors = chosen_colors(header.width, header.height, pixels, matrix=matrix, range=range)
        return cls(header.width, header.height, pixels, colors, header.siting, header)

    @classmethod
    def of_raw(
        cls, width: int, height: int, pixels: str, *, matrix: str = "auto", range: str = "auto"
    ) -> "StreamFormat":
        """The format of raw frames.

        Args:
            width, height: in pixels.
            pixels: the layout, a name in `PIXEL_FORMATS`.
            matrix: as in `of_y4m`.
            range: "limited", "full" or "auto", which is limited, and full for gray.

        Raises:
            InputError: a side under 16 or over 16 384 pixels.
        """
        if why := unfit_sides(width, height):
            raise InputError(f"{why}. {_SCALE_FIRST}", parameter="size")
        layout = PIXEL_FORMATS[pixels]
        return cls(width, height, layout, chosen_colors(width, height, layout, matrix=matrix, range=range))

    @property
    def name(self) -> str:
        """One of `FORMATS`."""
        return self.pixels.name if self.header is None else Y4M

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame, without the line before it in yuv4mpegpipe."""
        return self.pixels.frame_bytes(self.width, self.height)

    def converted(self, name: str, *, range: str = "auto", rate: Fraction | None = None) -> "StreamFormat":
        """The format in which the stylised frames of this stream are written.

        Args:
            name: one of `FORMATS`. yuv4mpegpipe keeps the layout where it has it and takes 4:2:0 otherwise.
            range: of YUV or gray that is made from RGB. YUV and gray keep their range.
            rate: frames a second, for a yuv4mpegpipe header where this stream has none; None is unknown.
        """
        if name == Y4M and self.header is not None:
            return replace(self, siting=None, header=self.header.centered())
        if name == Y4M:
            kept = self.pixels.name in ("yuv420p", "yuv422p", "yuv444p", "gray")
            pixels = self.pixels if kept else PIXEL_FORMATS["yuv420p"]
        else:
            pixels = PIXEL_FORMATS[name]
        colors = self.colors
        if pixels.colors != self.pixels.colors:
            colors = replace(colors, range=chosen_range(pixels, range if self.pixels.colors == "rgb" else "auto"))
        header = None
        if name == Y4M:
            full = colors.range == FULL
            header = Y4mHeader.of(self.width, self.height, pixels.name, full_range=full, rate=rate)
        return StreamFormat(self.width, self.height, pixels, colors, header=header)

    def __str__(self) -> str:
        text = f"{self.name} {self.width}x{self.height}"
        if self.header is not None:
            text += f" {self.pixels.name}"
        if self.pixels.colors == "rgb":
            return text
        matrix = "BT.709" if self.colors.matrix == BT709.matrix else "BT.601"
        return f"{text}, {matrix}, {'full' if self.colors.range == FULL else 'limited'} range"
