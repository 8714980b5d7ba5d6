"""A part of a video: from which second on, and for how long."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av

from nst_rt.errors import InputError


@dataclass(frozen=True)
class VideoPart:
    """The part that begins at `start` and lasts for `length`, both in seconds; without a length to the video's end.

    >>> VideoPart(start=Fraction(90), length=Fraction(5, 2)).length
    Fraction(5, 2)

    Raises:
        InputError: a start before the video's, or a length that is not above 0.
    """

    start: Fraction = Fraction(0)
    length: Fraction | None = None

    def __post_init__(self) -> None:
        if self.start < 0:
            raise InputError(
                f"a part of a video cannot begin at {float(self.start):g} s. Give a start of 0 or later",
                parameter="start",
            )
        if self.length is not None and self.length <= 0:
            raise InputError(
                f"a part of a video cannot last {float(self.length):g} s. Give a longer duration", parameter="length"
            )


def shown_from(
    stamped: Iterable[tuple[av.VideoFrame, int]], start: int, frame_length: int
) -> Iterator[tuple[av.VideoFrame, int]]:
    """What is on the screen from `start` on: the frame that is shown then, stamped `start`, and all later ones.

    Args:
        stamped: frames and their rising time stamps.
        start: in the unit of the time stamps.
        frame_length: how long the video's last frame is shown at least, in the same unit.
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
    if shown is not None and start < shown[1] + max(frame_length, shown[0].duration or 0):
        yield shown[0], start
