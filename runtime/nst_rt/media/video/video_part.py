"""A part of a video: from which second on, and for how long."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av

from nst_rt.errors import InputError


@dataclass(frozen=True)
class VideoPart:
    """From `start` on, for `length`, both in seconds; to the end of the video without a length.

    Raises:
        InputError: a start before the video's, or a length that is none.
    """

    start: Fraction = Fraction(0)
    length: Fraction | None = None

    def __post_init__(self) -> None:
        if self.start < 0:
            raise InputError(f"a part of a video cannot begin at {float(self.start):g} s. Give a start of 0 or later")
        if self.length is not None and self.length <= 0:
            raise InputError(f"a part of a video cannot last {float(self.length):g} s. Give a longer duration")


def shown_from(
    stamped: Iterable[tuple[av.VideoFrame, int]], start: int, nominal: int
) -> Iterator[tuple[av.VideoFrame, int]]:
    """What is on the screen from `start` on: the frame that is shown at that time, as of then, and all later ones.

    Args:
        stamped: frames and when they are shown, rising.
        start: in their units, as is all else.
        nominal: how long the video's last frame is shown at least.
    """
    shown: tuple[av.VideoFrame, int] | None = None
    for frame, stamp in stamped:
        if stamp <= start:
            shown = frame, stamp
            continue
        if shown is not None:
            yield shown[0], start
            shown = None
        yield frame, stamp
    if shown is not None and start < shown[1] + max(nominal, shown[0].duration or 0):
        yield shown[0], start
