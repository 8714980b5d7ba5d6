"""Videos read frame by frame: upright BGR frames with the video's own time stamps."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from nst_rt.closable import Closable, closed_on_error
from nst_rt.contract import Frame
from nst_rt.errors import InputError
from nst_rt.media.pixels.color_spaces import ColorSpace
from nst_rt.media.pixels.frame_size import unfit_sides
from nst_rt.media.pixels.yuv_to_bgr import YuvToBgr
from nst_rt.media.video.frame_decoder import FrameDecoder
from nst_rt.media.video.orientation import turning
from nst_rt.media.video.video_info import VideoInfo
from nst_rt.media.video.video_part import VideoPart, shown_from
from nst_rt.media.video.video_timing import VideoTiming

_SHORTFALL = Fraction(1, 2)
"""Seconds by which a video may end before its header says so without being called cut."""


class VideoFrame(NamedTuple):
    """One frame of a video.

    Examples:
        >>> with VideoReader("holiday.mp4") as reader:
        ...     frame = next(iter(reader))
        >>> frame.bgr.dtype
        dtype('uint8')
    """

    bgr: Frame
    """uint8 (height, width, 3), C-contiguous, upright, 0 to 255."""
    pts: int
    """When to show it, in units of `time_base`; strictly rising from frame to frame."""
    time_base: Fraction
    """Seconds."""


class VideoReader(Closable):
    """Reads every frame of a video's first video track, in the order of showing; decodes on several threads.

    Iterate once, in one thread. A video that is cut or damaged gives the frames that can be decoded, and the iteration
    sets `warning` at its end.

    >>> with VideoReader("holiday.mp4") as reader, VideoWriter("negative.mp4", reader.info) as writer:
    ...     for frame in reader:
    ...         writer.write(255 - frame.bgr, frame.pts)

    Args:
        path: the video.
        long_side: scale down to at most this many pixels on the long side, both sides even; never enlarged.
        part: read only this part. It begins with the frame that is on the screen at its start.

    Raises:
        InputError: missing, a folder, no permission, empty, not a video, no video track, a side under 16 or over
            16 384 pixels, no frame that can be decoded, or over before the part begins (which the iteration may raise
            too, where the header does not say when the video ends).
    """

    width: int
    """Of the frames that come out, upright and scaled, in pixels."""
    height: int
    source_width: int
    """Of the frames upright, before scaling."""
    source_height: int
    rotation: int
    """Degrees clockwise by which the stored pixels are turned to be upright: 0, 90, 180 or 270."""
    time_base: Fraction
    """Seconds, the unit of time stamps."""
    average_rate: Fraction
    """Frames a second, exact (30000/1001); 25 where the file does not say."""
    variable_rate: bool
    """The header's average and base rate differ."""
    frame_count: int | None
    """An estimate, by the header or by the duration."""
    duration: Fraction | None
    """Seconds to the end of the frames, or of the part, as the header says."""
    start: Fraction
    """Time stamp of the video's start in seconds, 0 in most files (but not in MPEG-TS). A time stamp less `start` is a
    time in the video. Never negative."""
    part_start: Fraction
    """Time stamp of the part's start in seconds, a whole number of units of `time_base`."""
    part: VideoPart
    """The whole video, if no other part was asked for."""
    part_ended: bool
    """Set when the iteration came to the part's end before the video's."""
    sample_aspect_ratio: Fraction
    """Width of a pixel divided by its height."""
    colors: ColorSpace
    """Of the stored pixels."""
    codec: str
    has_audio: bool
    metadata: dict[str, str]
    notices: list[str]
    """What a copy will lack, one sentence each."""
    warning: str | None
    """Set by the iteration when the video turned out to be cut or damaged."""
    frames_read: int
    """How many frames the iteration gave so far."""

    def __init__(self, path: str | Path, *, long_side: int | None = None, part: VideoPart | None = None) -> None:
        self.path, self.part = Path(path), part or VideoPart()
        self.part_ended, self.warning, self.frames_read = False, None, 0
        self._decoder = FrameDecoder(self.path)
        with closed_on_error(self._decoder):
            self._read_sizes(long_side)
            self._read_times()
            self._read_tracks()
            if self.part.start:
                self._decoder.seek(round(self.part_start / self.time_base))

    def _read_sizes(self, long_side: int | None) -> None:
        first = self._decoder.first
        width, height = first.width, first.height
        self._decoder.check_sides(width, height)
        self._stored_size = width, height
        if long_side is not None and max(width, height) > long_side:
            factor = long_side / max(width, height)
            self._stored_size = (max(2, 2 * round(width * factor / 2)), max(2, 2 * round(height * factor / 2)))
            if why := unfit_sides(*self._stored_size):
                raise InputError(
                    f"{self.path}: {width}x{height} shrinks to {why}. Choose a larger size", parameter="long_side"
                )
        self.rotation, self._turn = turning(first)
        sideways = self.rotation in (90, 270)
        self.width, self.height = self._stored_size[::-1] if sideways else self._stored_size
        self.source_width, self.source_height = (height, width) if sideways else (width, height)
        ratio = self._decoder.stream.codec_context.sample_aspect_ratio or Fraction(1)
        self.sample_aspect_ratio = 1 / ratio if sideways else ratio

    def _read_times(self) -> None:
        stream = self._decoder.stream
        timing = self._timing = VideoTiming.of(self._decoder.container, stream)
        self.time_base, self.start = timing.time_base, timing.start
        self.average_rate, self.variable_rate = timing.average_rate, timing.variable_rate
        self.part_start = timing.start
        if self.part.start:
            self.part_start = (timing.start + self.part.start) // self.time_base * self.time_base
        self.duration = None
        if timing.end is not None:
            left = timing.end - self.part.start
            if left <= 0:
                raise self._over_before_part(timing.end)
            self.duration = left if self.part.length is None else min(left, self.part.length)
        self.frame_count = max(1, round(self.duration * self.average_rate)) if self.duration else None
        if self.part == VideoPart():
            self.frame_count = stream.frames or self.frame_count

    def _read_tracks(self) -> None:
        container, stream = self._decoder.container, self._decoder.stream
        self.colors = ColorSpace.of_decoded(self._decoder.first, stream)
        self._to_bgr = YuvToBgr(self.colors, self._stored_size)
        self.codec = stream.codec_context.codec.canonical_name
        self.has_audio = bool(container.streams.audio)
        self.metadata = dict(container.metadata)
        self.notices = []
        if self.colors.hdr:
            self.notices.append("the video is HDR (PQ or HLG); it is read as standard range and looks flat")
        if container.streams.subtitles:
            self.notices.append("subtitles are not copied")

    @property
    def info(self) -> VideoInfo:
        """What a copy of the video, or of the part, is written with."""
        return VideoInfo(
            self.width,
            self.height,
            time_base=self.time_base,
            average_rate=self.average_rate,
            colors=self.colors,
            sample_aspect_ratio=self.sample_aspect_ratio,
            start=self.part_start,
            metadata=self.metadata,
        )

    def __iter__(self) -> Iterator[VideoFrame]:
        start, end = round(self.part_start / self.time_base), None
        if self.part.length is not None:
            end = start + max(1, round(self.part.length / self.time_base))
        self._last_pts: int | None = None
        stamped = self._stamped()
        if self.part.start:
            stamped = shown_from(stamped, start, self._timing.frame_length)
        for frame, pts in stamped:
            if end is not None and pts >= end:
                self.part_ended = True
                break
            bgr = self._turn(self._to_bgr(frame))
            yield VideoFrame(np.ascontiguousarray(bgr), pts, self.time_base)
            self.frames_read += 1
        if self._last_pts is not None:
            self._conclude(self._last_pts)

    def _stamped(self) -> Iterator[tuple[av.VideoFrame, int]]:
        """Frames and their time stamps; made up where one is missing or does not rise, which encoders refuse."""
        for frame in self._decoder.frames():
            if self._last_pts is None:
                self._last_pts = frame.pts or 0
            elif frame.pts is None:
                self._last_pts += self._timing.frame_length
            else:
                self._last_pts = max(frame.pts, self._last_pts + 1)
            yield frame, self._last_pts

    def _conclude(self, last_pts: int) -> None:
        """Compare what came with what the header promised, and set `warning`."""
        decoder, timing = self._decoder, self._timing
        shown_until = (last_pts + timing.frame_length) * self.time_base - self.start
        cut = False
        if not self.part_ended:
            cut = decoder.cut or decoder.cut_inside
            if timing.frames_end is not None:
                # Packets tell more than frames: a slide that stays for a minute is one frame, and a long packet.
                covered = max(shown_until, timing.first_frame + decoder.covered * self.time_base)
                cut |= covered < timing.frames_end - max(_SHORTFALL, 3 / self.average_rate)
        if not self.frames_read and self.part_ended:
            raise InputError(f"{self.path}: its first frame is shown after the part's end. Make the part longer")
        if not self.frames_read:
            raise self._over_before_part(shown_until, cut=cut)
        if cut:
            whole = f" of {float(timing.end):.2f} s" if timing.end else ""
            self.warning = f"the video is cut short: it could be read up to {float(shown_until):.2f} s{whole}"
        elif decoder.damaged:
            self.warning = f"the video is damaged: {decoder.damaged} pieces of it could not be decoded"

    def _over_before_part(self, end: Fraction, *, cut: bool = False) -> InputError:
        whole = self._timing.end
        note = f" (cut short, of {float(whole):.2f} s)" if whole and cut else ""
        begins = f"the part of it would begin at {float(self.part.start):g} s"
        return InputError(f"{self.path}: it ends at {float(end):.2f} s{note}, and {begins}. Begin earlier")

    def close(self) -> None:
        """Close the file; not while another thread iterates."""
        self._decoder.close()
