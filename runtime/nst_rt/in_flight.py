"""Frames in flight: several sessions of one network side by side, a processor's cores divided among them.

A session with all cores to itself is the quickest way to one frame. Many frames are done sooner by sessions with fewer
threads each: no core waits for another one at the end of every operator. Each single frame then takes longer.
"""

import threading
from collections.abc import Callable
from queue import LifoQueue
from typing import Any

from numpy.typing import NDArray

from nst_rt.buffers import Feeds
from nst_rt.session import Session
from nst_rt.timing import StageClock

PIXELS = 3840 * 2160
"""Of all frames in flight, where nobody says how many: together they take no more memory than one of 4K."""


def frames_in_flight(pixels: int, cores: int) -> int:
    """How many frames of that many pixels serve on a processor: one a core, while `PIXELS` hold them; at least one."""
    return max(1, min(cores, PIXELS // pixels))


def divided(cores: int, number: int) -> list[int]:
    """Threads of each of `number` sessions: the cores among them, and one at least."""
    each, more = divmod(cores, number)
    return [max(1, each + (at < more)) for at in range(number)]


class SideBySide:
    """Sessions of one network and one frame shape; a run takes one that is free, and waits while none is.

    Args:
        first: the first session, open.
        open_another: opens the one of that number, from 1 on, when all before it are at work.
        number: how many there may be.
    """

    def __init__(self, first: Session, open_another: Callable[[int], Session], number: int) -> None:
        self.first = first
        self.number = number
        self._open_another = open_another
        self._opened = 1
        self._opening = threading.Lock()
        # The last one used comes first: runs that do not overlap all have the same session, and touch no other memory.
        self._free: LifoQueue[Session] = LifoQueue()
        self._free.put(first)
        if first.device.on_gpu:  # a CUDA graph must not be captured beside another session's runs
            for _ in range(1, number):
                self._free.put(self._next())

    def run(self, feeds: Feeds, clock: StageClock | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """As `Session.run`, from any thread."""
        session = self._take()
        try:
            return session.run(feeds, clock, out)
        finally:
            self._free.put(session)

    def _take(self) -> Session:
        if self._opened < self.number and self._free.empty():
            with self._opening:
                if self._opened < self.number and self._free.empty():
                    return self._next()
        return self._free.get()

    def _next(self) -> Session:
        session = self._open_another(self._opened)
        self._opened += 1
        return session
