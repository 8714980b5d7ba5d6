"""Frames written to a pipe, raw or as yuv4mpegpipe, each whole and at once."""

import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import Frame
from nst_rt.errors import OutputError, ReaderGoneError
from nst_rt.media.raw_frames.bgr_to_raw import frame_packer
from nst_rt.media.raw_frames.byte_streams import ByteWriter
from nst_rt.media.raw_frames.stream_format import StreamFormat
from nst_rt.media.raw_frames.y4m_header import FRAME


class RawVideoWriter:
    """Writes a stream of frames of one format.

    Args:
        stream: where they go.
        format: what they are; `begin` writes the header of yuv4mpegpipe.
        name: what messages call the stream.
    """

    def __init__(self, stream: ByteWriter, format: StreamFormat, name: str = "stdout") -> None:
        self.frames_written = 0
        self._stream, self._format, self._name = stream, format, name
        self._packer = frame_packer(format)

    def begin(self) -> None:
        """Write the header, if the format has one: the reader can prepare itself before the first frame.

        Raises:
            ReaderGoneError: the program that reads is gone.
        """
        if self._format.header is not None:
            self._write([bytes(self._format.header)])

    def pack(self, bgr: Frame, alpha: NDArray[np.uint8] | None, parameters: bytes = b"") -> list[memoryview | bytes]:
        """The bytes of a frame, in pieces that are valid until the next call.

        Args:
            bgr: uint8 (height, width, 3).
            alpha: uint8 (height, width) for rgba; None is opaque.
            parameters: for the frame's line in yuv4mpegpipe.
        """
        line = [FRAME + parameters + b"\n"] if self._format.header is not None else []
        return [*line, *self._packer.pack(bgr, alpha)]

    def write(self, pieces: list[memoryview | bytes]) -> None:
        """Write a packed frame.

        Raises:
            ReaderGoneError: the program that reads is gone.
            OutputError: it was asked to stop, and the reader does not take the frame.
            OSError: the disk is full.
        """
        self._write(pieces)
        self.frames_written += 1

    def _write(self, pieces: list[memoryview | bytes]) -> None:
        try:
            whole = self._stream.write(pieces)
        except (BrokenPipeError, ConnectionResetError):
            raise ReaderGoneError(
                f"{self._name}: the program that reads it ended after {self.frames_written} frames. "
                "See what it says, if that was too early"
            ) from None
        if not whole:
            raise OutputError(
                f"{self._name}: interrupted while its reader took nothing; the last frame is incomplete. "
                "Leave it out, or start again"
            )
