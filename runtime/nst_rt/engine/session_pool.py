"""Frames in flight: several sessions of one network side by side, a processor's cores divided among them.

A session with all cores to itself is the quickest way to one frame. Many frames are done sooner by sessions with fewer
threads each: no core waits for another one at the end of every operator. Each single frame then takes longer.
"""

import threading
from collections import deque
from collections.abc import Callable
from itertools import starmap
from queue import SimpleQueue
from typing import Any, TypeVar

from numpy.typing import NDArray

from nst_rt.engine.buffers import Feeds
from nst_rt.engine.session import Session
from nst_rt.engine.timing import StageClock

PIXELS = 3840 * 2160
"""Of all frames in flight, where nobody says how many: together they take no more memory than one of 4K."""

Result = TypeVar("Result")


def frames_in_flight(pixels: int, cores: int) -> int:
    """How many frames of that many pixels serve on a processor: one a core, while `PIXELS` hold them; at least one."""
    return max(1, min(cores, PIXELS // pixels))


def divided(cores: int, number: int) -> list[int]:
    """Threads of each of `number` sessions: the cores among them, and one at least."""
    each, more = divmod(cores, number)
    return [max(1, each + (at < more)) for at in range(number)]


class Shares:
    """Room for frames of different sizes in flight together.

    A frame of a size of which `number` may be in flight takes one part in `number` of the room, so that cores and
    pixels are shared out whatever sizes meet, and one that must be alone is. One thread takes, any give back.
    """

    def __init__(self) -> None:
        self._left = PIXELS
        self._back: SimpleQueue[int] = SimpleQueue()

    def take(self, number: int) -> Callable[[], None]:
        """Wait for the part of a frame of which `number` may be in flight; returns what gives it back, once."""
        part = max(1, PIXELS // number)
        while self._left < part:
            self._left += self._back.get()
        self._left -= part
        return lambda: self._back.put(part)


class SessionPool:
    """Sessions of one network and one frame shape; a run takes one that is free, and waits while none is.

    KeyboardInterrupt may come at any time and leaves no session taken: Python looks for signals between two calls
    and not within one of C, so that taking and giving back are each one such call.

    Args:
        first: the first session, open.
        open_another: opens the one of that number, from 1 on, when all before it are at work.
        number: how many there may be.
    """

    def __init__(self, first: Session, open_another: Callable[[int], Session], number: int) -> None:
        self.first = first
        self.number = number
        self._alone = threading.Lock()
        self._open_another = open_another
        self._opening = threading.Lock()
        # The last one used comes first: runs that do not overlap all have the same session, and touch no other memory.
        # Below them all wait the numbers of those that are not open.
        self._free: deque[Session | int] = deque([*range(number - 1, 0, -1), first])
        self._places: SimpleQueue[bool] = SimpleQueue()
        for _ in range(number):
            self._places.put(True)
        if first.device.on_gpu:  # a CUDA graph must not be captured beside another session's runs
            others = [open_another(at) for at in range(1, number)]
            self._free = deque([*others[::-1], first])

    def run(self, feeds: Feeds, clock: StageClock | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """As `Session.run`, from any thread."""
        if self.number == 1:
            with self._alone:
                return self.first.run(feeds, clock, out)
        return self._with(1, lambda sessions: sessions[0].run(feeds, clock, out))

    def run_each(self, feeds: Feeds) -> None:
        """Run every session once, also those that no run has needed so far."""
        with self._alone:  # two of these would wait for each other's sessions
            self._with(self.number, lambda sessions: [session.run(feeds) for session in sessions])

    def _with(self, count: int, work: Callable[[list[Session]], Result]) -> Result:
        places: list[bool] = []
        taken: list[Session | int] = []
        left = map(self._places.put, places)
        opened = False
        try:
            places.extend(map(self._places.get, [True] * count))
            try:
                taken.extend(starmap(self._free.pop, [()] * count))
                sessions = [self._opened(taken, at) for at in range(count)]
                opened = True
                return work(sessions)
            finally:
                # What could not be opened goes below those that are.
                self._free.extend(taken[::-1]) if opened else self._free.extendleft(taken)
        finally:
            deque(left, 0)

    def _opened(self, taken: list[Session | int], at: int) -> Session:
        session = taken[at]
        if isinstance(session, int):
            with self._opening:
                session = taken[at] = self._open_another(session)
        return session
