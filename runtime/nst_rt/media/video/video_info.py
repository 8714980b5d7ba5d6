"""What a video is apart from its frames; a copy is written with the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from nst_rt.media.pixels.color_spaces import ColorSpace


@dataclass(frozen=True)
class VideoInfo:
    """Size, times and colours of a video.

    >>> VideoInfo(640, 480, time_base=Fraction(1, 25), average_rate=Fraction(25)).width
    640
    """

    width: int
    """Of the frames, in pixels."""
    height: int
    time_base: Fraction
    """Seconds, the unit of the frames' time stamps (`pts`)."""
    average_rate: Fraction
    """Frames a second, exact (30000/1001)."""
    colors: ColorSpace | None = None
    """Of the stored pixels. None: BT.709 from 720 rows up and BT.601 below."""
    sample_aspect_ratio: Fraction = Fraction(1)
    """Width of a pixel divided by its height."""
    start: Fraction = Fraction(0)
    """Seconds to subtract from every time stamp, of frames and audio, for the time in the video."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Title and the like."""
