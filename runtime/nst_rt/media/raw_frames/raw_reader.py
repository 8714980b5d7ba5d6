"""Frames read from a pipe, raw or as yuv4mpegpipe, each as soon as it is whole."""

import time
from collections.abc import Generator
from itertools import cycle
from typing import NamedTuple

from nst_rt.contract import Frame
from nst_rt.errors import CutFrameError, FrameStreamError, InputError
from nst_rt.media.raw_frames.byte_streams import ByteReader
from nst_rt.media.raw_frames.raw_to_bgr import Alpha, frame_buffers
from nst_rt.media.raw_frames.stream_format import StreamFormat
from nst_rt.media.raw_frames.y4m_header import FRAME, LONGEST_LINE, MAGIC, Y4mHeader

KEPT_FRAMES = 4
"""Frames whose pixels are valid at a time: one is read, one is stylised, one waits for the writer, one is written."""


class RawFrame(NamedTuple):
    """A frame of a stream. Its pixels are overwritten when `KEPT_FRAMES` more have been asked for."""

    bgr: Frame
    alpha: Alpha | None
    parameters: bytes
    """What followed the word FRAME on its line in yuv4mpegpipe, with the space before it."""
    arrived: float
    """When its last byte had been read, by `time.perf_counter`."""
    reading: float
    """Seconds from its first byte to its last."""
    converting: float
    """Seconds from there to BGR."""


def read_y4m_header(stream: ByteReader) -> Y4mHeader:
    """Read the header line of yuv4mpegpipe; what follows it stays in the pipe.

    Raises:
        FrameStreamError: it is missing, broken, or of a kind that cannot be read.
        InputError: the stream cannot be read.
    """
    try:
        line = stream.line(len(MAGIC))
        if line == MAGIC:  # anything else need not have a line's end to wait for
            line += stream.line(LONGEST_LINE)
    except OSError as error:
        raise _unreadable(stream, error) from error
    return Y4mHeader.parse(line, stream.name)


class RawVideoReader:
    """Reads every frame of a stream, in order; iterate once.

    Args:
        stream: where the frames come from. `read_y4m_header` has read the header of yuv4mpegpipe from it.
        format: what they are.
    """

    def __init__(self, stream: ByteReader, format: StreamFormat) -> None:
        self.format = format
        self.frames_read = 0
        self._stream = stream

    def frames(self) -> Generator[RawFrame, None, None]:
        """The frames until the stream ends. A request to stop ends it too, and drops a frame that was begun.

        Raises:
            CutFrameError: the stream ends inside a frame.
            FrameStreamError: yuv4mpegpipe goes on with something that is not a frame, such as a header for another
                size.
            InputError: the stream cannot be read.
        """
        for buffer in cycle(frame_buffers(self.format, KEPT_FRAMES)):
            try:
                parameters = self._frame_line() if self.format.header is not None else b""
                if parameters is None:
                    return
                began = self._stream.began
                filled = self._stream.fill(buffer.data)
            except OSError as error:
                raise _unreadable(self._stream, error) from error
            if self._stream.stopped:
                return
            if filled < len(buffer.data):
                if not filled and self.format.header is None:
                    return
                raise self._cut(f"{filled} of its {len(buffer.data)} bytes came")
            arrived = time.perf_counter()
            bgr, alpha = buffer.to_bgr()
            converted = time.perf_counter()
            began = began if self.format.header is not None else self._stream.began
            yield RawFrame(bgr, alpha, parameters, arrived, arrived - began, converted - arrived)
            self.frames_read += 1

    def _frame_line(self) -> bytes | None:
        """What follows FRAME; None at the end of the stream."""
        start = bytearray(len(FRAME) + 1)
        filled = self._stream.fill(memoryview(start))
        if not filled or self._stream.stopped:
            return None
        if start == FRAME + b"\n":
            return b""
        began = self._stream.began
        if start[:filled] == MAGIC[:filled]:
            raise self._second_header(bytes(start))
        if filled < len(start):
            raise self._cut("only a part of the line before it came")
        if not start.startswith(FRAME + b" "):
            raise FrameStreamError(
                f"{self._stream.name}: frame {self.frames_read + 1} begins with {bytes(start)!r}, not with FRAME. "
                "Check that the frames have the size that the header says, and that nothing else goes into the pipe"
            )
        rest = self._stream.line(LONGEST_LINE)
        if not rest.endswith(b"\n") and not self._stream.stopped:
            raise self._cut("the line before it does not end")
        self._stream.began = began
        return b" " + rest[:-1]

    def _second_header(self, start: bytes) -> FrameStreamError:
        what = "another header"
        try:
            header = Y4mHeader.parse(start + self._stream.line(LONGEST_LINE), self._stream.name)
            was, now = (self.format.width, self.format.height), (header.width, header.height)
            if was != now:
                what = f"a header for {now[0]}x{now[1]} in place of {was[0]}x{was[1]}"
        except (FrameStreamError, OSError):
            pass
        return FrameStreamError(
            f"{self._stream.name}: {what} comes after {self.frames_read} frames, and a stream keeps its size. "
            "Send each video as a stream of its own, or scale them first: ffmpeg -vf scale"
        )

    def _cut(self, what: str) -> CutFrameError:
        return CutFrameError(
            f"{self._stream.name}: ends inside frame {self.frames_read + 1}, {what}; the {self.frames_read} whole "
            "frames before it were read. See what the program before it says, and check that its frames are "
            f"{self.format}"
        )


def _unreadable(stream: ByteReader, error: OSError) -> InputError:
    return InputError(f"{stream.name}: cannot be read ({error.strerror or error}). Send frames to it through a pipe")
