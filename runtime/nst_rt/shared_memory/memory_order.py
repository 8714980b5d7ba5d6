"""Making sure that pixels are seen before the number that says they are there, without atomic instructions.

Python has none. What it has, and why it is enough:

- *One piece.* A ctypes field of 8 bytes is written and read by one memcpy of constant size 8, which compilers turn into
  one instruction; on x86-64 and aarch64 an aligned one is never seen half-done. (`struct` with an explicit byte order
  goes byte by byte, and must not be used for counters.) Every counter has exactly one writer, so that no
  read-modify-write is needed. What two processes could both want, a role, is given out by the kernel (`claims.py`).
- *The compiler* cannot reorder the accesses of two Python operations: they are opaque calls to it.
- *The processor.* x86-64 shows stores in program order and does loads in program order; there is nothing to do. aarch64
  may reorder both, and wants a barrier between pixels and counter on either side. Letting go of a lock is a store with
  release, taking one is a load with acquire, and aarch64 keeps those two in order when the release comes first:
  whatever is before the release stays before it, whatever is after the acquire stays after it. So to let go of a lock
  and take it again (in this order; the other one would fence nothing, both sides could slip in between) orders all
  accesses before it before all accesses after it. CPython's locks, by semaphores or futexes, keep to that, as every
  program that shares data under a lock relies on.

The C side uses the compiler's atomics; the two pair as acquire and release in C do.
"""

import threading


class Fence:
    """Call it to order every access to memory before the call before every one after it. For one thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def __call__(self) -> None:
        self._lock.release()
        self._lock.acquire()
