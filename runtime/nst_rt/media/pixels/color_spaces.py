"""Which YUV a video's pixels are in, and which YUV its stylised copy is written and tagged in."""

from dataclasses import dataclass

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from nst_rt.contract import Frame
from nst_rt.media.pixels.pixel_formats import plane_pixels

# Numbers of ITU-T H.273, as files and FFmpeg store them.
_BT709, _UNSPECIFIED, _FCC, _BT470BG, _SMPTE170M, _SMPTE240M, _BT2020 = 1, 2, 4, 5, 6, 7, 9
_MATRICES = (_BT709, _FCC, _BT470BG, _SMPTE170M, _SMPTE240M, _BT2020)
_PQ, _HLG = 16, 18
LIMITED, FULL = 1, 2
"""Ranges: 16 to 235, and 0 to 255."""

# swscale's flags. Without the first two it cuts where it should round and repeats chroma over pairs of pixels, and
# every pass through YUV darkens the image by about two steps of 255.
_ACCURATE_ROUNDING, _FULL_CHROMA, _BILINEAR, _AREA = 0x40000, 0x2000, 0x2, 0x20
TO_BGR = _BILINEAR | _ACCURATE_ROUNDING | _FULL_CHROMA
TO_SMALLER_BGR = _AREA | _ACCURATE_ROUNDING | _FULL_CHROMA
"""How swscale converts, as its `interpolation`."""

HD_HEIGHT = 720
"""Videos without a tag are BT.709 from this height up and BT.601 below, which is what players assume."""


@dataclass(frozen=True)
class ColorSpace:
    """Matrix, primaries, transfer curve and range in the numbers of ITU-T H.273 (range: 1 limited, 2 full)."""

    matrix: int
    primaries: int
    transfer: int
    range: int = LIMITED

    @classmethod
    def of(cls, frame: av.VideoFrame, stream: av.VideoStream) -> "ColorSpace":
        """A decoded frame's colours, with what its tags leave open filled in."""
        context = stream.codec_context
        matrix = int(frame.colorspace)
        if matrix not in _MATRICES:
            matrix = untagged(frame.width, frame.height).matrix
        full = int(frame.color_range) == FULL or frame.format.name.startswith("yuvj")
        return cls(matrix, int(context.color_primaries), int(context.color_trc), FULL if full else LIMITED)

    @property
    def swscale(self) -> int:
        """The matrix by swscale's own number, which differs from H.273's for one of the two names of BT.601."""
        return _BT470BG if self.matrix == _SMPTE170M else self.matrix

    @property
    def hdr(self) -> bool:
        """The transfer curve is PQ or HLG: read as standard dynamic range, the video looks flat."""
        return self.transfer in (_PQ, _HLG)

    def for_writing(self) -> "ColorSpace":
        """The colours for the stylised copy: the same matrix where it is BT.709 or BT.601, always limited range.

        Keeping the matrix means that an untouched pixel keeps its numbers, and that a player which ignores tags
        errs on the copy exactly as it does on the original.
        """
        if self.matrix in (_FCC, _BT470BG, _SMPTE170M):
            primaries = self.primaries if self.primaries in (_BT709, _BT470BG, _SMPTE170M) else _SMPTE170M
            matrix = _BT470BG if self.matrix == _BT470BG else _SMPTE170M
            return ColorSpace(matrix, primaries, self.transfer if self.transfer in (_BT709, _SMPTE170M) else _SMPTE170M)
        return ColorSpace(_BT709, _BT709, _BT709)


BT709 = ColorSpace(_BT709, _BT709, _BT709)
BT601 = ColorSpace(_SMPTE170M, _SMPTE170M, _SMPTE170M)


def untagged(width: int, height: int) -> ColorSpace:
    """What players take images of this size for that come without a tag."""
    return BT709 if min(width, height) >= HD_HEIGHT else BT601


def to_bgr(
    reformatter: VideoReformatter,
    frame: av.VideoFrame,
    colors: ColorSpace,
    size: tuple[int, int] | None = None,
    into: Frame | None = None,
) -> Frame:
    """A frame as BGR of full range, uint8 (height, width, 3), scaled to `size` (width, height) if given.

    By way of planes, for which swscale has vector code: bgr24 in one step gives the same numbers ten times slower.

    Args:
        into: memory for the result; new if left out.
    """
    width, height = size or (frame.width, frame.height)
    scaled = (frame.width, frame.height) != (width, height)
    planar = reformatter.reformat(
        frame,
        width,
        height,
        "gbrp",
        src_colorspace=colors.swscale,
        src_color_range=colors.range,
        dst_color_range=FULL,
        interpolation=TO_SMALLER_BGR if scaled else TO_BGR,
    )
    green, blue, red = (plane_pixels(plane, height, width) for plane in planar.planes)
    return np.asarray(cv2.merge([blue, green, red], into), np.uint8)
