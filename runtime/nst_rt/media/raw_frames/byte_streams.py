"""Streams of bytes between programs, which a request to stop can end.

`PolledReader` and `PolledWriter` ask the system whether a pipe is ready; `ThreadedReader` and `ThreadedWriter` let a
thread wait for it, where the system cannot be asked (Windows).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable

GRACE = 1.0
"""Seconds without progress after which a write is given up, once it was asked to stop."""
PAUSE = 0.05
"""Seconds between two looks at whether it was asked to stop."""


class StopRequest:
    """A request to stop, from any thread or signal handler.

    Without a lock, unlike `threading.Event`: a signal handler may interrupt another one.
    """

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        """Stop reading now, and writing as soon as what was begun is through."""
        self.asked = True


class ByteReader(ABC):
    """Takes from a stream exactly the bytes that are asked for.

    Args:
        stop: ends a wait for bytes that do not come.
        name: what messages call the stream.
    """

    def __init__(self, stop: StopRequest, name: str) -> None:
        self.name = name
        self.began = 0.0
        """When the last call of `fill` got its first bytes, by `time.perf_counter`."""
        self._stop = stop

    @property
    def stopped(self) -> bool:
        """Whether it was asked to stop, so that what came last may be incomplete."""
        return self._stop.asked

    @abstractmethod
    def fill(self, memory: memoryview) -> int:
        """Fill `memory` (bytes).

        Returns:
            How many bytes came: fewer than asked for at the end of the stream or after a request to stop.

        Raises:
            OSError: the stream cannot be read.
        """

    def line(self, most: int) -> bytes:
        """The bytes up to the next newline and with it, at most `most`; fewer at the end of the stream.

        Read one by one, so that what follows stays in the stream.
        """
        line = bytearray()
        one = bytearray(1)
        while len(line) < most and not line.endswith(b"\n") and self.fill(memoryview(one)):
            line += one
        return bytes(line)

    def widen(self, size: int) -> None:  # noqa: B027 - not abstract: most systems cannot
        """Let the pipe hold `size` bytes, where the system can: fewer turns per frame."""


class ByteWriter(ABC):
    """Writes all that it is given, at once.

    Args:
        stop: ends a wait for a reader that takes nothing.
    """

    def __init__(self, stop: StopRequest) -> None:
        self.stuck = False
        """Whether a write was given up that a thread still waits in, with the descriptor in use."""
        self._stop = stop

    @abstractmethod
    def write(self, parts: Iterable[memoryview | bytes]) -> bool:
        """Write the parts (bytes, contiguous) in order.

        Returns:
            False if it was asked to stop and the reader takes nothing.

        Raises:
            BrokenPipeError, ConnectionResetError: the reader is gone.
            OSError: the stream cannot be written to, the disk is full.
        """

    def widen(self, size: int) -> None:  # noqa: B027
        """As `ByteReader.widen`."""

    def close(self) -> None:  # noqa: B027
        """Leave the descriptor in the state in which it was."""
