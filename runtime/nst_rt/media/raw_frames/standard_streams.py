"""Standard input and output as streams of frames, and nothing but frames."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from nst_rt.errors import InputError, OutputError
from nst_rt.media.raw_frames.byte_streams import ByteReader, ByteWriter, StopRequest

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def frames_from_stdin(stop: StopRequest) -> ByteReader:
    """Standard input, to read frames from.

    Raises:
        InputError: it is closed or a terminal.
    """
    try:
        os.fstat(_STDIN)
    except OSError:
        raise InputError("stdin: closed, and frames come from there. Send them to it through a pipe") from None
    if os.isatty(_STDIN):
        raise InputError(
            "stdin: a terminal, and frames come through a pipe. Put programs at both ends: "
            "ffmpeg -i video.mp4 -f yuv4mpegpipe - | ... | ffplay -f yuv4mpegpipe -"
        )
    return _open_reader(_STDIN, stop)


@contextmanager
def frames_to_stdout(stop: StopRequest) -> Iterator[ByteWriter]:
    """Standard output, to write frames to; what else would be printed there goes to stderr while the block runs.

    A library that prints, in Python or in C, could otherwise put its words between two frames.

    Raises:
        OutputError: stdout is closed, a terminal, or one with stderr, so that messages would land between frames.
    """
    _check_stdout()
    sys.stdout.flush()
    frames = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    writer = _open_writer(frames, stop)
    try:
        yield writer
    finally:
        writer.close()
        if not writer.stuck:  # else closing would wait for the write
            os.dup2(frames, _STDOUT)
            os.close(frames)


def _check_stdout() -> None:
    try:
        out = os.fstat(_STDOUT)
    except OSError:
        raise OutputError("stdout: closed, and frames go there. Send it to a program or a file") from None
    if os.isatty(_STDOUT):
        raise OutputError(
            "stdout: frames do not go to a terminal. Send them to a program: ... | ffplay -f yuv4mpegpipe -"
        )
    try:
        # Windows has no number for a pipe: all are 0.
        mixed = bool(out.st_ino) and not stat.S_ISCHR(out.st_mode) and os.path.samestat(out, os.fstat(_STDERR))
    except OSError:
        mixed = False
    if mixed:
        raise OutputError("stdout: messages would land between the frames. Leave 2>&1 out, or send stderr elsewhere")


def _open_reader(descriptor: int, stop: StopRequest) -> ByteReader:
    if sys.platform == "win32":
        import msvcrt

        from nst_rt.media.raw_frames.threaded_streams import ThreadedReader

        msvcrt.setmode(descriptor, os.O_BINARY)
        return ThreadedReader(descriptor, stop)
    else:  # noqa: RET505 - mypy checks each branch for its own platform
        from nst_rt.media.raw_frames.polled_streams import PolledReader

        return PolledReader(descriptor, stop)


def _open_writer(descriptor: int, stop: StopRequest) -> ByteWriter:
    if sys.platform == "win32":
        import msvcrt

        from nst_rt.media.raw_frames.threaded_streams import ThreadedWriter

        msvcrt.setmode(descriptor, os.O_BINARY)
        return ThreadedWriter(descriptor, stop)
    else:  # noqa: RET505
        from nst_rt.media.raw_frames.polled_streams import PolledWriter

        return PolledWriter(descriptor, stop)
