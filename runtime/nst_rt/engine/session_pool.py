"""Frames in flight: several sessions of one network side by side, with the CPU's cores divided among them.

One session with all cores finishes one frame soonest. Several sessions with fewer threads each finish many frames
sooner, because no core waits for the others at the end of every operator; each single frame then takes longer.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from numpy.typing import NDArray

from nst_rt.engine.buffers import Feeds
from nst_rt.engine.session import Session
from nst_rt.engine.timing import StageClock

PIXELS = 3840 * 2160
"""Pixels of all frames in flight together, where nobody gives their number: as many as one 4K frame has."""

_LOOK_AGAIN = 0.05
"""Seconds after which a run that waits for a session looks for one again, whether it was woken or not."""


def frames_in_flight(pixels: int, cores: int) -> int:
    """How many frames of `pixels` pixels to run at once on a CPU: one per core, within `PIXELS`; at least one."""
    return max(1, min(cores, PIXELS // pixels))


def divided(cores: int, number: int) -> list[int]:
    """Threads for each of `number` sessions that share `cores` cores; at least one each."""
    each, more = divmod(cores, number)
    return [max(1, each + (at < more)) for at in range(number)]


class WeightedSemaphore:
    """A semaphore with permits, of which every holder takes its weight.

    One thread acquires, and any thread releases. Waiting and releasing are one call of a `SimpleQueue` each, so
    KeyboardInterrupt leaves no lock behind that another thread would wait for.

    Args:
        permits: how many there are in all.
    """

    def __init__(self, permits: int) -> None:
        self._left = permits
        self._released: SimpleQueue[int] = SimpleQueue()

    def acquire(self, weight: int) -> None:
        """Wait until `weight` permits are left, and take them."""
        while self._left < weight:
            self._left += self._released.get()
        self._left -= weight

    def release(self, weight: int) -> None:
        """Give `weight` permits back."""
        self._released.put(weight)


class _Run:
    """One run of a session."""

    done = False


class _Slot:
    """Room for one session, which is opened at its first run."""

    def __init__(self, session: Session | None = None) -> None:
        self.session = session
        self.run = _Run()
        """The last run that took the session, which is free once that run is done."""
        self.run.done = True


class SessionPool:
    """Sessions of one network and one frame shape. A run takes a free session, or waits for one.

    The rule for signals: Python raises KeyboardInterrupt in the main thread, between any two calls. So a session is
    taken as long as the run that took it is not done, and a run is done by one assignment, the first statement of its
    `finally`: no interrupt leaves a session taken. An interrupt can at most lose a wake-up, and therefore a run that
    waits also looks again by itself.

    Args:
        first: the first session, open.
        open_another: opens the session of a number, from 1 up, when all sessions before it are taken.
        number: how many sessions there may be.
    """

    def __init__(self, first: Session, open_another: Callable[[int], Session], number: int) -> None:
        self.first = first
        self.number = number
        self._open_another = open_another
        self._opening = threading.Lock()
        self._choosing = threading.Lock()
        self._slots = [_Slot(first), *(_Slot() for _ in range(number - 1))]
        self._waiting: set[_Run] = set()
        self._wake_ups: SimpleQueue[None] = SimpleQueue()
        if first.device.on_gpu:  # a CUDA graph must not be captured beside another session's runs
            for at in range(1, number):
                self._slots[at].session = open_another(at)

    def run(self, feeds: Feeds, clock: StageClock | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """As `Session.run`, from any thread."""
        return self._run(self._slots, feeds, clock, out)

    def run_each(self, feeds: Feeds) -> None:
        """Run every session once, also those that no run has needed yet."""
        for slot in self._slots:
            self._run([slot], feeds)

    def _run(
        self,
        slots: Sequence[_Slot],
        feeds: Feeds,
        clock: StageClock | None = None,
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        run = _Run()
        try:
            return self._take(run, slots).run(feeds, clock, out)
        finally:
            run.done = True
            self._waiting.discard(run)
            if self._waiting:
                self._wake_ups.put(None)

    def _take(self, run: _Run, slots: Sequence[_Slot]) -> Session:
        slot = self._free_slot(run, slots)
        if slot is None:
            self._waiting.add(run)
            while (slot := self._free_slot(run, slots)) is None:
                with suppress(Empty):
                    self._wake_ups.get(timeout=_LOOK_AGAIN)
        if slot.session is None:
            with self._opening:
                slot.session = self._open_another(self._slots.index(slot))
        return slot.session

    def _free_slot(self, run: _Run, slots: Sequence[_Slot]) -> _Slot | None:
        # The first free one: runs that do not overlap all take the same session, and touch no other memory.
        with self._choosing:
            for slot in slots:
                if slot.run.done:
                    slot.run = run
                    return slot
        return None
