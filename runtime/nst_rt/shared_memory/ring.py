"""A ring of slots between one writer and one reader, each in a process of its own.

Two counters run it: `head`, which only the writer moves, and `tail`, which only the reader moves. The writer may fill
slot head % slots as long as head - tail < slots, so that nobody ever writes where the other side reads; whoever finds
nothing to do waits for the other's counter (its lower half is the futex). A side that dies leaves its counter where it
was: its frame that was not finished does not exist, and its successor goes on there.

The sequence number of a slot (a sequence lock: odd while it is written, even and telling the frame's number when it is
whole) is the second line of defence: a reader checks it before and after, so that a writer who has no business there is
noticed and its frame not taken for whole.
"""

import ctypes
import mmap
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import ShareError
from nst_rt.shared_memory import futex
from nst_rt.shared_memory.layout import SLOT_HEADER_BYTES, Cursors, SlotHeader
from nst_rt.shared_memory.memory_order import Fence


class Counter:
    """One of the two counters, from 0 up; 64 bits in shared memory."""

    def __init__(self, memory: mmap.mmap, offset: int) -> None:
        self._value = ctypes.c_uint64.from_buffer(memory, offset)
        self._address = ctypes.addressof(self._value)
        self._fence = Fence()

    def read(self) -> int:
        """The value; what was written before it was set can be read after this."""
        value = self._value.value
        self._fence()
        return value

    def set(self, value: int) -> None:
        """Change it, after everything that was written before, and wake who waits for it."""
        self._fence()
        self._value.value = value
        futex.wake(self._address)

    def wait(self, seen: int, seconds: float) -> None:
        """Sleep until it is not `seen` any more, or woken, at most `seconds`."""
        futex.wait(self._address, seen, seconds)

    def wake(self) -> None:
        """Have everybody who waits for it look around."""
        futex.wake(self._address)


@dataclass
class Slot:
    """Room for a frame."""

    header: SlotHeader
    pixels: NDArray[np.uint8]
    """(frame_bytes,)."""


class Ring:
    """One direction of a segment.

    Args:
        memory: the segment.
        cursors: where its counters are.
        first: where its first slot is.
        slots, slot_bytes, frame_bytes: their number, distance and room.
    """

    def __init__(
        self, memory: mmap.mmap, cursors: int, first: int, slots: int, slot_bytes: int, frame_bytes: int
    ) -> None:
        # Structure fields know their offset; mypy takes them for the values.
        at: Any = Cursors
        self.head = Counter(memory, cursors + at.head.offset)
        self.tail = Counter(memory, cursors + at.tail.offset)
        self.slots = slots
        self.fence = Fence()
        offsets = [first + index * slot_bytes for index in range(slots)]
        self._slots = [
            Slot(
                SlotHeader.from_buffer(memory, offset),
                np.frombuffer(memory, np.uint8, frame_bytes, offset + SLOT_HEADER_BYTES),
            )
            for offset in offsets
        ]

    def slot(self, number: int) -> Slot:
        """Where frame `number` goes."""
        return self._slots[number % self.slots]

    def filled(self) -> int:
        """Frames that were written and not let go.

        Raises:
            ShareError: the counters cannot be; something else writes to this memory.
        """
        # One of the two is the caller's own and stands still, so that no order of reading them can make it wrong.
        tail, head = self.tail.read(), self.head.read()
        if tail <= head <= tail + self.slots:
            return head - tail
        raise ShareError(
            f"the shared memory was damaged: {head} frames written and {tail} read cannot be with {self.slots} slots. "
            "Something writes to it that is not the producer or the consumer; end it and start nst-rt share again"
        )


class RingWriter:
    """The side that fills slots. One at a time, in one thread."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self.number = ring.head.read()
        """Of the next frame."""

    def has_room(self) -> bool:
        """Whether a frame can be begun."""
        return self._ring.filled() < self._ring.slots

    def wait(self, seconds: float) -> None:
        """Sleep until a slot is let go, at most `seconds`."""
        tail = self._ring.tail.read()
        if not self.has_room():
            self._ring.tail.wait(tail, seconds)

    def begin(self) -> Slot:
        """Take a slot that has room to be filled; to begin again without `commit` forgets what was begun."""
        slot = self._ring.slot(self.number)
        slot.header.sequence = 2 * self.number + 1
        self._ring.fence()  # nobody may see new pixels under the old sequence number
        return slot

    def commit(self) -> int:
        """Hand over what was begun; returns its number."""
        number, slot = self.number, self._ring.slot(self.number)
        slot.header.number = number
        self._ring.fence()
        slot.header.sequence = 2 * number + 2
        self.number += 1
        self._ring.head.set(self.number)
        return number


class RingReader:
    """The side that reads slots in order. In one thread."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self.number = ring.tail.read()
        """Of the next frame."""

    def waiting(self) -> int:
        """Frames that can be read."""
        return self._ring.filled()

    def wait(self, seconds: float) -> None:
        """Sleep until there is a frame, at most `seconds`."""
        head = self._ring.head.read()
        if not self.waiting():
            self._ring.head.wait(head, seconds)

    def slot(self) -> Slot:
        """The next frame; there has to be one."""
        return self._ring.slot(self.number)

    def intact(self) -> bool:
        """Whether the frame is whole and has not been touched since; to be asked before it is read and after."""
        self._ring.fence()  # what was read before must not be read later than the sequence number
        intact: bool = self._ring.slot(self.number).header.sequence == 2 * self.number + 2
        self._ring.fence()
        return intact

    def release(self) -> None:
        """Let go of the frame, which may then be overwritten."""
        self.number += 1
        self._ring.tail.set(self.number)
