"""What the numbers of YUV pixels mean: matrix, primaries, transfer curve and range, as files tag them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av

# Numbers of ITU-T H.273, as files and FFmpeg store them.
_BT709, _FCC, _BT470BG, _SMPTE170M, _SMPTE240M, _BT2020 = 1, 4, 5, 6, 7, 9
_MATRICES = (_BT709, _FCC, _BT470BG, _SMPTE170M, _SMPTE240M, _BT2020)
_PQ, _HLG = 16, 18
LIMITED, FULL = 1, 2
"""Ranges: luma from 16 to 235, and from 0 to 255."""

HD_HEIGHT = 720
"""Players take untagged frames for BT.709 from this height up and for BT.601 below."""


@dataclass(frozen=True)
class ColorSpace:
    """Matrix, primaries, transfer curve and range (1 limited, 2 full) in the numbers of ITU-T H.273."""

    matrix: int
    primaries: int
    transfer: int
    range: int = LIMITED

    @classmethod
    def of_decoded(cls, frame: "av.VideoFrame", stream: "av.VideoStream") -> "ColorSpace":
        """The colours of a video by its first frame; what the tags leave open is what players assume."""
        context = stream.codec_context
        matrix = int(frame.colorspace)
        if matrix not in _MATRICES:
            matrix = assumed_colors(frame.width, frame.height).matrix
        full = int(frame.color_range) == FULL or frame.format.name.startswith("yuvj")
        return cls(matrix, int(context.color_primaries), int(context.color_trc), FULL if full else LIMITED)

    @property
    def swscale_matrix(self) -> int:
        """The matrix by swscale's own number, which differs from H.273's for one of the two names of BT.601."""
        return _BT470BG if self.matrix == _SMPTE170M else self.matrix

    @property
    def hdr(self) -> bool:
        """Whether the transfer curve is PQ or HLG. Read as standard dynamic range, such a video looks flat."""
        return self.transfer in (_PQ, _HLG)

    def for_writing(self) -> "ColorSpace":
        """The colours for the stylised copy: the same matrix if it is BT.709 or BT.601, always limited range.

        With the same matrix an untouched pixel keeps its numbers, and a player that ignores tags shows the copy with
        the same error as the original.
        """
        if self.matrix in (_FCC, _BT470BG, _SMPTE170M):
            primaries = self.primaries if self.primaries in (_BT709, _BT470BG, _SMPTE170M) else _SMPTE170M
            matrix = _BT470BG if self.matrix == _BT470BG else _SMPTE170M
            return ColorSpace(matrix, primaries, self.transfer if self.transfer in (_BT709, _SMPTE170M) else _SMPTE170M)
        return ColorSpace(_BT709, _BT709, _BT709)


BT709 = ColorSpace(_BT709, _BT709, _BT709)
BT601 = ColorSpace(_SMPTE170M, _SMPTE170M, _SMPTE170M)


def assumed_colors(width: int, height: int) -> ColorSpace:
    """What players assume of untagged frames of this size, in pixels."""
    return BT709 if min(width, height) >= HD_HEIGHT else BT601
