"""Standard output kept for frames alone."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from nst_rt.errors import OutputError

_STDOUT, _STDERR = 1, 2


@contextmanager
def stdout_for_frames() -> Iterator[int]:
    """Give out standard output as a non-blocking descriptor, and send to stderr what else would be printed there.

    A library that prints, in Python or in C, could otherwise put its words between two frames.

    Raises:
        OutputError: stdout is closed, a terminal, or one with stderr, so that messages would land between frames.
    """
    try:
        out = os.fstat(_STDOUT)
    except OSError:
        raise OutputError("stdout: closed, and frames go there. Send it to a program or a file") from None
    if os.isatty(_STDOUT):
        raise OutputError(
            "stdout: frames do not go to a terminal. Send them to a program: nst-rt pipe | ffplay -f yuv4mpegpipe -"
        )
    try:
        mixed = not stat.S_ISCHR(out.st_mode) and os.path.samestat(out, os.fstat(_STDERR))
    except OSError:
        mixed = False
    if mixed:
        raise OutputError("stdout: messages would land between the frames. Leave 2>&1 out, or send stderr elsewhere")
    sys.stdout.flush()
    frames = os.dup(_STDOUT)
    blocking = os.get_blocking(frames)
    os.dup2(_STDERR, _STDOUT)
    os.set_blocking(frames, False)
    try:
        yield frames
    finally:
        os.set_blocking(frames, blocking)
        os.dup2(frames, _STDOUT)
        os.close(frames)
