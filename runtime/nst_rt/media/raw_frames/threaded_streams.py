"""Byte streams for systems that cannot be asked whether a pipe is ready: a thread makes the call that may block.

It is a daemon thread: after a request to stop it may still wait in its call, and the process can end all the same.
"""

import errno
import io
import os
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from queue import SimpleQueue

from nst_rt.media.raw_frames.byte_streams import GRACE, PAUSE, ByteReader, ByteWriter, StopRequest

_PIECE = 1 << 16
"""Bytes of one write: few, so that the progress of a slow reader is seen."""


class ThreadedReader(ByteReader):
    """Reads from a descriptor.

    Args:
        descriptor: of a pipe, socket or file that blocks; the caller closes it.
        stop: ends a wait for bytes that do not come.
        name: what messages call the stream.
    """

    def __init__(self, descriptor: int, stop: StopRequest, name: str = "stdin") -> None:
        super().__init__(stop, name)
        self._descriptor = descriptor
        self._worker = _Worker("stream reader")

    def fill(self, memory: memoryview) -> int:
        if self._stop.asked:
            return 0
        filling = _Filling(self._descriptor, memory)
        self._worker.begin(filling)
        while not filling.done.wait(PAUSE):
            if self._stop.asked:
                return filling.count
        filling.check()
        self.began = filling.began
        return filling.count


class ThreadedWriter(ByteWriter):
    """Writes to a descriptor.

    Args:
        descriptor: of a pipe, socket or file that blocks; the caller closes it, but not while it is `stuck`.
        stop: ends a wait for a reader that takes nothing.
    """

    def __init__(self, descriptor: int, stop: StopRequest) -> None:
        super().__init__(stop)
        self._descriptor = descriptor
        self._worker = _Worker("stream writer")

    def write(self, parts: Iterable[memoryview | bytes]) -> bool:
        writing = _Writing(self._descriptor, list(parts))
        self._worker.begin(writing)
        seen, last_progress = 0, time.monotonic()
        while not writing.done.wait(PAUSE):
            if writing.count != seen or not self._stop.asked:
                seen, last_progress = writing.count, time.monotonic()
            elif time.monotonic() - last_progress > GRACE:
                self.stuck = True
                return False
        writing.check()
        return True


class _Call(ABC):
    """Something that may block, made by a worker and waited for by another thread."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.count = 0
        """Bytes so far."""
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._run()
        except BaseException as error:  # raised again by `check`, in the thread that waits
            self._error = error
        self.done.set()

    @abstractmethod
    def _run(self) -> None: ...

    def check(self) -> None:
        """Raise the error that ended it, if one did."""
        if self._error is not None:
            raise self._error


class _Filling(_Call):
    def __init__(self, descriptor: int, memory: memoryview) -> None:
        super().__init__()
        self.began = 0.0
        self._descriptor, self._memory = descriptor, memory

    def _run(self) -> None:
        with io.FileIO(self._descriptor, "rb", closefd=False) as file:
            while self.count < len(self._memory):
                count = file.readinto(self._memory[self.count :])
                if not count:
                    return
                self.began = self.began or time.perf_counter()
                self.count += count


class _Writing(_Call):
    def __init__(self, descriptor: int, parts: list[memoryview | bytes]) -> None:
        super().__init__()
        self._descriptor, self._parts = descriptor, parts

    def _run(self) -> None:
        for part in self._parts:
            rest = memoryview(part)
            while rest:
                count = self._write(rest[:_PIECE])
                rest = rest[count:]
                self.count += count

    def _write(self, piece: memoryview) -> int:
        try:
            return os.write(self._descriptor, piece)
        except OSError as error:
            if sys.platform == "win32" and error.errno == errno.EINVAL:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from error  # Windows' name for it
            raise


class _Worker:
    """A thread that makes calls one after the other."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call] = SimpleQueue()
        self._name = name
        self._thread: threading.Thread | None = None

    def begin(self, call: _Call) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._calls.put(call)

    def _run(self) -> None:
        while True:
            self._calls.get().run()
