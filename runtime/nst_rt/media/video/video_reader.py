"""Videos read frame by frame: upright BGR images with the video's own time stamps."""

from collections.abc import Generator, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from nst_rt.errors import InputError
from nst_rt.media.pixels.color_spaces import ColorSpace
from nst_rt.media.pixels.frame_size import unfit_sides
from nst_rt.media.pixels.yuv_to_bgr import YuvToBgr
from nst_rt.media.video.orientation import turning
from nst_rt.media.video.video_file import open_video
from nst_rt.media.video.video_part import VideoPart, shown_from

_SHORTFALL = Fraction(1, 2)
"""Seconds by which a video may end before its header says so without being called cut."""
_EARLIER = (1, 5, 30, 150)
"""Seconds before a part's start at which its key frame is looked for, one after the other: a seek may land behind it,
or on what is none. Some formats have time stamps here and there only, so that the first after a seek are guesses."""


class VideoFrame(NamedTuple):
    """One image of a video."""

    bgr: NDArray[np.uint8]
    """(height, width, 3), C-contiguous, upright."""
    pts: int
    """When to show it, in units of `time_base`; strictly rising from frame to frame."""
    time_base: Fraction
    """Seconds."""


class VideoReader:
    """Every frame of a video's first image track, in the order of showing; decoding runs on several threads.

    Iterate once, in one thread. A video that is cut or damaged gives what can be decoded, and says so in `warning`
    once the iteration is over.

    Args:
        path: the video.
        long_side: scale down to at most this many pixels on the long side, both sides even; never enlarged.
        part: read only this part of it. It begins with the image that is on the screen at its start.

    Raises:
        InputError: missing, a folder, no permission, empty, not a video, no image track, a side under 16 or over
            16 384 pixels, not one frame that can be decoded, or over before the part begins (which may turn out as
            late as when iterating).
    """

    width: int
    """Of the frames as they come out: upright and scaled."""
    height: int
    source_width: int
    """Of the frames upright, before scaling."""
    source_height: int
    rotation: int
    """Degrees clockwise by which the stored pixels are turned to be upright: 0, 90, 180 or 270."""
    time_base: Fraction
    average_rate: Fraction
    """Frames a second, exact (30000/1001); 25 where the file does not say."""
    variable_rate: bool
    """The header's average and base rate differ."""
    frame_count: int | None
    """As the header says or the duration implies; an estimate."""
    duration: Fraction | None
    """Seconds from the video's start to the end of its images, or of the part of it, as the header says."""
    start: Fraction
    """Seconds by which all tracks start late (MPEG-TS); subtract it from a time stamp for the time in the video. Never
    negative."""
    part_start: Fraction
    """Subtract this one to begin at zero: `start` and what is before the part, to a whole unit of `time_base`."""
    part: VideoPart
    """All of the video, if no other was asked for."""
    part_ended: bool
    """Set when the iteration came to the part's end before the video's."""
    sample_aspect_ratio: Fraction
    colors: ColorSpace
    codec: str
    has_audio: bool
    metadata: dict[str, str]
    notices: list[str]
    """What a copy will lack, one sentence each."""
    warning: str | None
    """Set when the video turned out to be cut or damaged."""
    frames_read: int
    """Of those that were given out."""

    def __init__(self, path: str | Path, *, long_side: int | None = None, part: VideoPart | None = None) -> None:
        self.path, self.part, self.part_ended = Path(path), part or VideoPart(), False
        self._container = open_video(self.path)
        try:
            self._open(long_side)
        except BaseException:
            self._container.close()
            raise

    def _open(self, long_side: int | None) -> None:
        stream = self._stream = self._image_track()
        self.warning, self.frames_read = None, 0
        self._first_dts: int | None = None
        self._covered = 0
        self._first: av.VideoFrame | None = None
        first = self._begin()
        if first is None:
            raise InputError(f"{self.path}: not one frame can be decoded. Copy or download it again")
        self.rotation, self._turn = turning(first)
        self._measure(first, long_side)
        self._describe(stream, first)
        if self.part.start:
            self._seek(first)

    def _image_track(self) -> av.VideoStream:
        videos = [
            stream for stream in self._container.streams.video if not stream.disposition & Disposition.attached_pic
        ]
        if not videos:
            raise InputError(f"{self.path}: no image track in it, only audio or data. Choose a video")
        stream = videos[0]
        if stream.codec_context.width and stream.codec_context.height:  # before a decoder takes memory for them
            self._check_sides(stream.codec_context.width, stream.codec_context.height)
        stream.thread_type = "AUTO"
        return stream

    def _check_sides(self, width: int, height: int) -> None:
        if why := unfit_sides(width, height):
            raise InputError(f"{self.path}: {why}. Scale it first")

    def _measure(self, first: av.VideoFrame, long_side: int | None) -> None:
        width, height = first.width, first.height
        self._check_sides(width, height)
        self._stored = width, height
        if long_side is not None and max(width, height) > long_side:
            factor = long_side / max(width, height)
            self._stored = (max(2, 2 * round(width * factor / 2)), max(2, 2 * round(height * factor / 2)))
            if why := unfit_sides(*self._stored):
                raise InputError(f"{self.path}: {width}x{height} shrinks to {why}. Choose a larger size")
        swap = self.rotation in (90, 270)
        self.width, self.height = self._stored[::-1] if swap else self._stored
        self.source_width, self.source_height = (height, width) if swap else (width, height)
        ratio = self._stream.codec_context.sample_aspect_ratio or Fraction(1)
        self.sample_aspect_ratio = 1 / ratio if swap else ratio

    def _describe(self, stream: av.VideoStream, first: av.VideoFrame) -> None:
        container = self._container
        self.colors = ColorSpace.of_decoded(first, stream)
        self._to_bgr = YuvToBgr(self.colors, self._stored)
        self.codec = stream.codec_context.codec.canonical_name
        self.time_base = stream.time_base or Fraction(1, 90_000)
        rate = stream.average_rate or stream.guessed_rate
        self.average_rate = rate if rate else Fraction(25)
        self.variable_rate = bool(rate and stream.base_rate and stream.base_rate != rate)
        whole = Fraction(container.duration, av.time_base) if container.duration else None
        self.has_audio = bool(container.streams.audio)
        starts = [
            track.start_time * track.time_base
            for track in (stream, *container.streams.audio)
            if track.start_time is not None and track.time_base
        ]
        self.start = max(Fraction(0), min(starts, default=Fraction(0)))
        self.part_start = (
            (self.start + self.part.start) // self.time_base * self.time_base if self.part.start else self.start
        )
        self._declared = self._declared_end()
        self._end = self._declared or whole
        self.duration = self._duration_of_part()
        self.frame_count = max(1, round(self.duration * self.average_rate)) if self.duration else None
        if self.part == VideoPart():
            self.frame_count = stream.frames or self.frame_count
        self.metadata = dict(container.metadata)
        self.notices = []
        if self.colors.hdr:
            self.notices.append("the video is HDR (PQ or HLG); it is read as standard range and looks flat")
        if container.streams.subtitles:
            self.notices.append("subtitles are not copied")

    def _duration_of_part(self) -> Fraction | None:
        if self._end is None:
            return None
        left = self._end - self.part.start
        if left <= 0:
            raise self._over_before_part(self._end)
        return left if self.part.length is None else min(left, self.part.length)

    def _over_before_part(self, end: Fraction) -> InputError:
        cut = f" (cut short, of {float(self._end):.2f} s)" if self._end and self._cut else ""
        begins = f"the part of it would begin at {float(self.part.start):g} s"
        return InputError(f"{self.path}: it ends at {float(end):.2f} s{cut}, and {begins}. Begin earlier")

    def _without_image(self) -> InputError:
        return InputError(f"{self.path}: its first image is shown after the part's end. Make the part longer")

    def _declared_end(self) -> Fraction | None:
        """When the images end, from the video's start; the container's length may be that of a longer audio track."""
        stream = self._stream
        if stream.duration and stream.time_base:
            return self._images_late() + stream.duration * stream.time_base
        written = stream.metadata.get("DURATION", "")  # Matroska: 00:00:10.000000000
        with suppress(ValueError):
            hours, minutes, seconds = written.split(":")
            return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds) - self.start
        if self._container.duration and not self._container.streams.audio:
            return Fraction(self._container.duration, av.time_base)
        return None

    def _images_late(self) -> Fraction:
        """Seconds from the video's start to its first image."""
        return (self._stream.start_time or 0) * self.time_base - self.start

    def _seek(self, first: av.VideoFrame) -> None:
        """Let the frames go on from a key frame that is shown at the part's start or before; at worst from the first.

        Args:
            first: the video's.
        """
        start = round(self.part_start / self.time_base)
        moved = False
        for seconds in _EARLIER:
            target = start - round(seconds / self.time_base)
            if first.pts is None or target <= first.pts:
                break
            self._frames.close()
            moved = True
            try:
                self._container.seek(target, stream=self._stream)
            except (av.error.FFmpegError, OSError):
                break
            found = self._begin()
            if found is not None and found.key_frame and found.pts is not None and found.pts <= start:
                return
        if moved:
            self._container.close()
            self._container = open_video(self.path)
            self._stream = self._image_track()
            self._begin()

    def __iter__(self) -> Iterator[VideoFrame]:
        nominal = max(1, round(1 / (self.average_rate * self.time_base)))
        start, end = round(self.part_start / self.time_base), None
        if self.part.length is not None:
            end = start + max(1, round(self.part.length / self.time_base))
        self._last: int | None = None
        stamped = self._stamped(nominal)
        for frame, stamp in shown_from(stamped, start, nominal) if self.part.start else stamped:
            if end is not None and stamp >= end:
                self.part_ended = True
                break
            yield VideoFrame(self._pixels(frame), stamp, self.time_base)
            self.frames_read += 1
        if self._last is not None:
            self._conclude(self._last, nominal)

    def _stamped(self, nominal: int) -> Iterator[tuple[av.VideoFrame, int]]:
        first, self._first = self._first, None
        for frame in chain([first] if first is not None else [], self._frames):
            self._last = _stamp(frame, self._last, nominal)
            yield frame, self._last

    def _begin(self) -> av.VideoFrame | None:
        """Decode from where the file stands; the first frame, which is still to be given out."""
        self._frames = self._decode()
        self._first = next(self._frames, None)
        return self._first

    def _decode(self) -> Generator[av.VideoFrame, None, None]:
        self._damaged, self._cut, self._cut_inside = 0, False, False
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError):
                self._cut = True
                break
            if packet.size:
                # A corrupt piece is damage; that the very last one is corrupt means that the file ends inside it.
                self._damaged += self._cut_inside
                self._cut_inside = packet.is_corrupt
                if packet.dts is not None:
                    self._first_dts = packet.dts if self._first_dts is None else self._first_dts
                    self._covered = packet.dts - self._first_dts + (packet.duration or 0)
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                self._damaged += 1
        with suppress(av.error.FFmpegError):  # the frames still inside the decoder's threads
            yield from self._stream.codec_context.decode(None)

    def _pixels(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        return np.ascontiguousarray(self._turn(self._to_bgr(frame)))

    def _conclude(self, last: int, nominal: int) -> None:
        """Judge from what came and what the header promised whether it was all."""
        shown = (last + nominal) * self.time_base - self.start
        declared = self._declared
        if self.part_ended:
            self._cut = self._cut_inside = False
        elif declared is not None:
            # Packets tell more than frames: a slide that stays for a minute is one frame, and a long packet.
            covered = max(shown, self._images_late() + self._covered * self.time_base)
            if covered < declared - max(_SHORTFALL, 3 / self.average_rate):
                self._cut = True
        if not self.frames_read:
            raise self._over_before_part(shown) if not self.part_ended else self._without_image()
        if self._cut or self._cut_inside:
            told = f" of {float(self._end):.2f} s" if self._end else ""
            self.warning = f"the video is cut short: it could be read up to {float(shown):.2f} s{told}"
        elif self._damaged:
            self.warning = f"the video is damaged: {self._damaged} pieces of it could not be decoded"

    def close(self) -> None:
        """Let go of the file; not while another thread iterates."""
        self._frames.close()
        self._container.close()

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _stamp(frame: av.VideoFrame, last: int | None, nominal: int) -> int:
    """The frame's time; made up where it is missing or does not rise, which encoders refuse."""
    if last is None:
        return frame.pts or 0
    if frame.pts is None:
        return last + nominal
    return max(frame.pts, last + 1)
