"""When the frames of a video file are shown, as its header says."""

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

import av


@dataclass(frozen=True)
class VideoTiming:
    """Times of a file's video track. All seconds but `start` count from the video's start."""

    time_base: Fraction
    """Seconds, the unit of time stamps."""
    average_rate: Fraction
    """Frames a second; 25 where the file does not say."""
    variable_rate: bool
    """The header's average and base rate differ."""
    start: Fraction
    """Time stamp of the video's start in seconds: all tracks may begin late (MPEG-TS). Never negative."""
    first_frame: Fraction
    """Seconds to the first frame, which audio may precede."""
    frames_end: Fraction | None
    """Seconds to the end of the last frame; None where the header does not say it of this track."""
    end: Fraction | None
    """`frames_end`, or else the end of the longest track."""

    @classmethod
    def of(cls, container: av.container.InputContainer, stream: av.VideoStream) -> "VideoTiming":
        """Read the header of an open file."""
        time_base = stream.time_base or Fraction(1, 90_000)
        rate = stream.average_rate or stream.guessed_rate
        starts = [
            track.start_time * track.time_base
            for track in (stream, *container.streams.audio)
            if track.start_time is not None and track.time_base
        ]
        start = max(Fraction(0), min(starts, default=Fraction(0)))
        first_frame = (stream.start_time or 0) * time_base - start
        file_end = Fraction(container.duration, av.time_base) if container.duration else None
        frames_end = _frames_end(stream, start, first_frame)
        if frames_end is None and not container.streams.audio:
            frames_end = file_end
        return cls(
            time_base=time_base,
            average_rate=rate or Fraction(25),
            variable_rate=bool(rate and stream.base_rate and stream.base_rate != rate),
            start=start,
            first_frame=first_frame,
            frames_end=frames_end,
            end=frames_end or file_end,
        )

    @property
    def frame_length(self) -> int:
        """How long a frame is shown on average, in units of `time_base`; at least 1."""
        return max(1, round(1 / (self.average_rate * self.time_base)))


def _frames_end(stream: av.VideoStream, start: Fraction, first_frame: Fraction) -> Fraction | None:
    """Of the track alone: the length of the file may be that of a longer audio track."""
    if stream.duration and stream.time_base:
        return first_frame + stream.duration * stream.time_base
    with suppress(ValueError):
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")  # Matroska: 00:00:10.000000000
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds) - start
    return None
