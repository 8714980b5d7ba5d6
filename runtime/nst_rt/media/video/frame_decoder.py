"""The decoded frames of a video file, and what of the file could not be decoded."""

from collections.abc import Generator, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
from av.stream import Disposition

from nst_rt.closable import closed_on_error
from nst_rt.errors import InputError
from nst_rt.media.pixels.frame_size import unfit_sides
from nst_rt.media.video.video_file import open_video

_SEEK_BACK = (1, 5, 30, 150)
"""Seconds before a time at which its key frame is looked for, one after the other. A seek may land behind the key
frame, or on a frame that only looks like one. In some formats few packets have time stamps, and the first after a seek
are guesses."""


class FrameDecoder:
    """Decodes the first video track of a file on several threads. Not to be shared by threads.

    Args:
        path: the video.

    Raises:
        InputError: as `VideoReader`.
    """

    container: av.container.InputContainer
    stream: av.VideoStream
    first: av.VideoFrame
    """The first frame of the file."""
    damaged: int
    """Pieces that could not be decoded."""
    cut: bool
    """Whether the file ends before its data does."""
    cut_inside: bool
    """Whether the last piece of the file is incomplete."""
    covered: int
    """How much time the packets so far cover, in units of the stream's `time_base`."""
    _pending: av.VideoFrame | None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first_dts: int | None = None
        self.covered = 0
        first = self._open()
        if first is None:
            self.close()
            raise InputError(f"{path}: not one frame can be decoded. Copy or download it again")
        self.first = first

    def _open(self) -> av.VideoFrame | None:
        self.container = open_video(self._path)
        with closed_on_error(self.container):
            self.stream = self._video_track()
            return self._decode_first()

    def _video_track(self) -> av.VideoStream:
        covers = Disposition.attached_pic
        tracks = [track for track in self.container.streams.video if not track.disposition & covers]
        if not tracks:
            raise InputError(f"{self._path}: no video track in it, only audio or data. Choose a video")
        track = tracks[0]
        width, height = track.codec_context.width, track.codec_context.height
        if width and height:  # before the decoder takes memory for them
            self.check_sides(width, height)
        track.thread_type = "AUTO"
        return track

    def check_sides(self, width: int, height: int) -> None:
        """Raise InputError unless frames may have these sides, in pixels."""
        if why := unfit_sides(width, height):
            raise InputError(f"{self._path}: {why}. Scale it first")

    def frames(self) -> Iterator[av.VideoFrame]:
        """The frames from the beginning, or from where `seek` went, in the order of showing; iterate once."""
        pending, self._pending = self._pending, None
        if pending is not None:
            yield pending
        yield from self._frames

    def seek(self, time: int) -> None:
        """Go to a key frame that is shown at `time` or before; to the first frame where that cannot be done.

        Args:
            time: in units of the stream's `time_base`.
        """
        time_base = self.stream.time_base or Fraction(1, 90_000)
        moved = False
        for seconds in _SEEK_BACK:
            target = time - round(seconds / time_base)
            if self.first.pts is None or target <= self.first.pts:
                break
            self._frames.close()
            moved = True
            try:
                self.container.seek(target, stream=self.stream)
            except (av.error.FFmpegError, OSError):
                break
            found = self._decode_first()
            if found is not None and found.key_frame and found.pts is not None and found.pts <= time:
                return
        if moved:
            self.container.close()
            self._open()

    def close(self) -> None:
        """Close the file; not while another thread iterates."""
        self._frames.close()
        self.container.close()

    def _decode_first(self) -> av.VideoFrame | None:
        """Decode from where the file stands up to the first frame, which `frames` gives out."""
        self._frames = self._decode()
        self._pending = next(self._frames, None)
        return self._pending

    def _decode(self) -> Generator[av.VideoFrame, None, None]:
        self.damaged, self.cut, self.cut_inside = 0, False, False
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError):
                self.cut = True
                break
            if packet.size:
                # A corrupt piece is damage; a corrupt last piece means that the file ends inside it.
                self.damaged += self.cut_inside
                self.cut_inside = packet.is_corrupt
                if packet.dts is not None:
                    self._first_dts = packet.dts if self._first_dts is None else self._first_dts
                    self.covered = packet.dts - self._first_dts + (packet.duration or 0)
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                self.damaged += 1
        with suppress(av.error.FFmpegError):  # the frames still inside the decoder's threads
            yield from self.stream.codec_context.decode(None)
