"""A ring of slots between one writer and one reader, each in a process of its own.

Two counters run it: only the writer changes `head`, only the reader changes `tail`. The writer may fill slot
head % slots while head - tail < slots, so it never writes where the reader reads. A side that has nothing to do waits
for the other side's counter to change (the lower half of the counter is the futex). If a process dies, its counter
stays: a frame that it did not finish does not exist, and the next process of its role goes on there.

The sequence number of a slot is a second check (a sequence lock: odd while frame n is written, 2n + 2 once it is
complete). The reader looks at it before and after it reads, and so notices if a third process writes to the slot.

Memory order without atomic instructions, which Python does not have:

- *One access.* A ctypes field of 8 bytes is written and read by one memcpy of constant size 8. Compilers make it one
  instruction, and on x86-64 and aarch64 another process never sees an aligned one half done. (`struct` with an explicit
  byte order goes byte by byte, and must not be used for counters.) Each counter has one writer, so no read-modify-write
  is needed. The kernel gives out the roles (`role_locks.py`).
- *The compiler* cannot reorder the accesses of two Python operations: it sees calls that it knows nothing about.
- *The CPU.* x86-64 keeps the order of stores, and of loads: nothing to do. aarch64 may reorder both, and needs a
  barrier between pixels and counter on each side: `Fence`.

The C side uses the compiler's atomics. The two sides pair as acquire and release do in C.
"""

import ctypes
import mmap
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import ShareError
from nst_rt.shared_memory import futex
from nst_rt.shared_memory.layout import SLOT_HEADER_BYTES, Cursors, Geometry, SlotHeader


class Fence:
    """Call it to order every memory access before the call before every access after it. For one thread.

    Releasing a lock is a store with release order, acquiring one is a load with acquire order, and aarch64 keeps a
    release before a later acquire. So to release a lock and then acquire it orders all accesses. (The other order would
    not: accesses from both sides could move in between.) CPython's locks, semaphores or futexes, keep to that.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def __call__(self) -> None:
        self._lock.release()
        self._lock.acquire()


class Counter:
    """One of the two counters, 64 bits in shared memory; starts at 0 and only rises."""

    def __init__(self, memory: mmap.mmap, offset: int) -> None:
        self._value = ctypes.c_uint64.from_buffer(memory, offset)
        self._address = ctypes.addressof(self._value)
        self._fence = Fence()

    def read(self) -> int:
        """The value. Everything that its writer wrote before it can be read after this call."""
        value = self._value.value
        self._fence()
        return value

    def set(self, value: int) -> None:
        """Change the value, after everything that was written before, and wake the processes that wait for it."""
        self._fence()
        self._value.value = value
        futex.wake(self._address)

    def wait(self, seen: int, seconds: float) -> None:
        """Sleep until the value is not `seen` any more or another process wakes this one, at most `seconds`."""
        futex.wait(self._address, seen, seconds)

    def wake(self) -> None:
        """Wake the processes that wait for the value, which stays."""
        futex.wake(self._address)


@dataclass
class Slot:
    """Room for one frame."""

    header: SlotHeader
    pixels: NDArray[np.uint8]
    """(frame_bytes,)."""


class Ring:
    """One direction of a segment.

    Args:
        memory: the segment.
        geometry: number and size of the slots.
        cursors: offset of the ring's counters.
        first_slot: offset of its first slot.
    """

    def __init__(self, memory: mmap.mmap, geometry: Geometry, *, cursors: int, first_slot: int) -> None:
        # Structure fields know their offset; mypy takes them for the values.
        fields: Any = Cursors
        self.head = Counter(memory, cursors + fields.head.offset)
        self.tail = Counter(memory, cursors + fields.tail.offset)
        self.slots = geometry.slots
        self.fence = Fence()
        offsets = [first_slot + index * geometry.slot_bytes for index in range(geometry.slots)]
        self._slots = [
            Slot(
                SlotHeader.from_buffer(memory, offset),
                np.frombuffer(memory, np.uint8, geometry.frame_bytes, offset + SLOT_HEADER_BYTES),
            )
            for offset in offsets
        ]

    def slot(self, number: int) -> Slot:
        """The slot of frame `number`."""
        return self._slots[number % self.slots]

    def filled(self) -> int:
        """How many frames are written and not yet released.

        Raises:
            ShareError: the counters are impossible: another process writes to this memory.
        """
        # One of the two belongs to the caller and does not change, so the order of the two reads does not matter.
        tail, head = self.tail.read(), self.head.read()
        if tail <= head <= tail + self.slots:
            return head - tail
        raise ShareError(
            f"the shared memory is damaged: {head} frames written and {tail} read is impossible with {self.slots} "
            "slots. A process that is neither producer nor consumer writes to it: end that process and start the "
            "server again"
        )


class RingWriter:
    """The side that fills slots; one at a time, in one thread."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self.number = ring.head.read()
        """Number of the next frame."""

    def ready(self) -> bool:
        """Whether there is room for a frame."""
        return self._ring.filled() < self._ring.slots

    def wait(self, seconds: float) -> None:
        """Sleep until the reader releases a slot, at most `seconds`."""
        tail = self._ring.tail.read()
        if not self.ready():
            self._ring.tail.wait(tail, seconds)

    def begin(self) -> Slot:
        """The slot of the next frame, to be filled. Called again without `commit`, it gives the same slot."""
        slot = self._ring.slot(self.number)
        slot.header.sequence = 2 * self.number + 1
        self._ring.fence()  # no reader may see new pixels under the old sequence number
        return slot

    def commit(self) -> int:
        """Hand the filled slot to the reader; returns the frame's number."""
        number, slot = self.number, self._ring.slot(self.number)
        slot.header.number = number
        self._ring.fence()
        slot.header.sequence = 2 * number + 2
        self.number += 1
        self._ring.head.set(self.number)
        return number


class RingReader:
    """The side that reads slots in order, in one thread."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self.number = ring.tail.read()
        """Number of the next frame."""

    def waiting(self) -> int:
        """How many frames can be read."""
        return self._ring.filled()

    def ready(self) -> bool:
        """Whether a frame can be read."""
        return self.waiting() > 0

    def wait(self, seconds: float) -> None:
        """Sleep until there is a frame, at most `seconds`."""
        head = self._ring.head.read()
        if not self.waiting():
            self._ring.head.wait(head, seconds)

    def slot(self) -> Slot:
        """The slot of the next frame; only while `waiting` is not 0."""
        return self._ring.slot(self.number)

    def intact(self) -> bool:
        """Whether the frame is complete and unchanged; to be asked before it is read and after."""
        self._ring.fence()  # what was read before must not be read later than the sequence number
        intact: bool = self._ring.slot(self.number).header.sequence == 2 * self.number + 2
        self._ring.fence()
        return intact

    def release(self) -> None:
        """Give the slot back to the writer, which may then overwrite it."""
        self.number += 1
        self._ring.tail.set(self.number)
