"""Byte streams on POSIX file descriptors: `poll` says when one is ready, without a thread or a buffer in between."""

import os
import select
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

from nst_rt.media.raw_frames.byte_streams import GRACE, PAUSE, ByteReader, ByteWriter, StopRequest

assert sys.platform != "win32"  # which has neither `poll` nor `readv`; threaded_streams.py is for it

_LARGEST_PIPE = 1 << 20
"""Bytes that Linux lets everybody ask for."""


class PolledReader(ByteReader):
    """Reads from a descriptor.

    Args:
        descriptor: of a pipe, socket or file; the caller closes it.
        stop: ends a wait for bytes that do not come.
        name: what messages call the stream.
    """

    def __init__(self, descriptor: int, stop: StopRequest, name: str = "stdin") -> None:
        super().__init__(stop, name)
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def fill(self, memory: memoryview) -> int:
        filled = 0
        while filled < len(memory) and self._wait():
            count = os.readv(self._descriptor, [memory[filled:]])
            if not count:
                break
            if not filled:
                self.began = time.perf_counter()
            filled += count
        return filled

    def _wait(self) -> bool:
        """Wait until something can be read or the other end is closed; False once it was asked to stop."""
        while not self._stop.asked:
            if self._poll.poll(PAUSE * 1000):
                return not self._stop.asked
        return False

    def widen(self, size: int) -> None:
        _widen_pipe(self._descriptor, size)


class PolledWriter(ByteWriter):
    """Writes to a descriptor, which does not block until `close`: a write that blocks could not be given up.

    Args:
        descriptor: of a pipe, socket or file; the caller closes it.
        stop: ends a wait for a reader that takes nothing.
    """

    def __init__(self, descriptor: int, stop: StopRequest) -> None:
        super().__init__(stop)
        self._descriptor = descriptor
        self._blocking = os.get_blocking(descriptor)
        os.set_blocking(descriptor, False)
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, parts: Iterable[memoryview | bytes]) -> bool:
        for part in parts:
            rest = memoryview(part)
            while rest:
                if not self._wait():
                    return False
                with suppress(BlockingIOError):
                    rest = rest[os.write(self._descriptor, rest) :]
        return True

    def _wait(self) -> bool:
        """Wait until something can be written; False if nothing could for `GRACE` seconds after a request to stop."""
        while not self._stop.asked:
            if self._poll.poll(PAUSE * 1000):
                return True
        return bool(self._poll.poll(GRACE * 1000))

    def widen(self, size: int) -> None:
        _widen_pipe(self._descriptor, size)

    def close(self) -> None:
        os.set_blocking(self._descriptor, self._blocking)


def _widen_pipe(descriptor: int, size: int) -> None:
    if sys.platform != "linux":
        return
    import fcntl

    size = min(size, _LARGEST_PIPE)
    with suppress(OSError):  # not a pipe, or the user's share of pipe memory is spent
        if fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ) < size:
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, size)
