"""File descriptors read and written exactly, without a buffer in between, by threads that can be told to stop."""

import os
import select
import time
from collections.abc import Iterable
from contextlib import suppress

GRACE = 1.0
"""Seconds without any progress after which a write is given up, once it was asked to stop."""

_WIDEST_PIPE = 1 << 20
"""What Linux lets everybody ask for."""


class Stopping:
    """A request to stop, from any thread or a signal handler, that wakes whoever waits for a descriptor."""

    def __init__(self) -> None:
        self.asked = False
        self._wakes, self._alarm = os.pipe()

    def ask(self) -> None:
        """Stop reading now, and writing as soon as what was begun is through."""
        if not self.asked:
            self.asked = True
            os.write(self._alarm, b"!")

    def wait_readable(self, descriptor: int) -> bool:
        """Wait until something can be read or the other end is closed; False once it was asked to stop."""
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        waiting.register(self._wakes, select.POLLIN)
        while not self.asked:
            if any(ready != self._wakes for ready, _ in waiting.poll()):
                return not self.asked
        return False

    def wait_writable(self, descriptor: int) -> bool:
        """Wait until something can be written; False if nothing could for `GRACE` seconds after a request to stop."""
        waiting = select.poll()
        waiting.register(descriptor, select.POLLOUT)
        if not self.asked:
            waiting.register(self._wakes, select.POLLIN)
            if any(ready != self._wakes for ready, _ in waiting.poll()):
                return True
            waiting.unregister(self._wakes)
        return bool(waiting.poll(GRACE * 1000))

    def close(self) -> None:
        """Close the descriptors; nobody may wait any more."""
        os.close(self._wakes)
        os.close(self._alarm)


class ByteReader:
    """Takes from a descriptor what is asked for and not one byte more.

    Args:
        descriptor: of a pipe, socket or file; stays the caller's to close.
        stopping: ends a wait for bytes that do not come.
        name: for messages.
    """

    def __init__(self, descriptor: int, stopping: Stopping, name: str = "stdin") -> None:
        self.name = name
        self.began = 0.0
        """When the last call of `fill` got its first bytes, by `time.perf_counter`."""
        self._descriptor, self._stopping = descriptor, stopping

    @property
    def stopped(self) -> bool:
        """It was asked to stop, so that what came last may be incomplete."""
        return self._stopping.asked

    def fill(self, memory: memoryview) -> int:
        """Fill all of `memory` (bytes); returns how much came before the end or a request to stop, if not all.

        Raises:
            OSError: the descriptor cannot be read.
        """
        filled = 0
        while filled < len(memory):
            if not self._stopping.wait_readable(self._descriptor):
                break
            count = os.readv(self._descriptor, [memory[filled:]])
            if not count:
                break
            if not filled:
                self.began = time.perf_counter()
            filled += count
        return filled

    def line(self, most: int) -> bytes:
        """Bytes up to and with the next newline, at most `most`; fewer at the end. One by one: what follows is kept."""
        line = bytearray()
        one = bytearray(1)
        while len(line) < most and not line.endswith(b"\n") and self.fill(memoryview(one)):
            line += one
        return bytes(line)


class ByteWriter:
    """Writes all of what it is given to a descriptor, at once.

    The descriptor must not block (`os.set_blocking`), or a reader that takes nothing could not be given up.
    """

    def __init__(self, descriptor: int, stopping: Stopping) -> None:
        self._descriptor, self._stopping = descriptor, stopping

    def write(self, parts: Iterable[memoryview | bytes]) -> bool:
        """Write the parts (bytes, contiguous) in order; False if it was asked to stop and the reader takes nothing.

        Raises:
            BrokenPipeError, ConnectionResetError: the reader is gone.
            OSError: the descriptor cannot be written to, the disk is full.
        """
        for part in parts:
            rest = memoryview(part)
            while rest:
                if not self._stopping.wait_writable(self._descriptor):
                    return False
                with suppress(BlockingIOError):
                    rest = rest[os.write(self._descriptor, rest) :]
        return True


def widen_pipe(descriptor: int, wanted: int) -> None:
    """Let a pipe hold up to `wanted` bytes, where the system can: fewer turns per frame. Never makes it narrower."""
    import fcntl

    if not hasattr(fcntl, "F_SETPIPE_SZ"):
        return
    size = min(wanted, _WIDEST_PIPE)
    with suppress(OSError):  # no pipe, or the user's share of pipe memory is spent
        if fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ) < size:
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, size)
