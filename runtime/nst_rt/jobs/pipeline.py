"""Three stages at once: one thread reads ahead, the caller's thread or several work, one thread delivers."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Read = TypeVar("Read")
Begun = TypeVar("Begun")
Made = TypeVar("Made")
Item = TypeVar("Item")

DEPTH = 4
"""Items that wait between two stages: enough to even out slow ones, few enough for little memory."""

_PATIENCE = 0.05
"""Seconds between two looks at whether the run was stopped."""


def overlapped(
    source: Generator[Read, None, None],
    work: Callable[[Read], Made],
    deliver: Callable[[Made], None],
    *,
    depth: int = DEPTH,
    in_work: int = 0,
) -> None:
    """Run `deliver(work(item))` for every item of `source`, in order, reading and delivering beside the work.

    Network runs, decoders and encoders all release Python's lock, so that the three truly overlap. The first error
    of any stage is raised here, and so is KeyboardInterrupt, which reaches the caller's thread. By then both threads
    have ended and `source` is closed.

    Args:
        source: a generator; runs in a thread of its own.
        work: runs in the caller's thread, which is where signals arrive.
        deliver: runs in a thread of its own.
        depth: items that may wait on either side of the work; the one that is being read counts as waiting.
        in_work: more items that may wait for `deliver`, where `work` returns before its item is done.
    """
    stop = threading.Event()
    read: _Channel[Read] = _Channel(depth, stop)
    made: _Channel[Made] = _Channel(depth + in_work, stop)

    def read_all() -> None:
        try:
            read.reserve()
            for item in source:
                read.put(item)
                read.reserve()
            read.end()
        except _StoppedError:
            pass
        except BaseException as error:
            read.fail(error)
        finally:
            source.close()

    def deliver_all() -> None:
        try:
            while True:
                deliver(made.get())
        except (_EndError, _StoppedError):
            pass
        except BaseException as error:
            made.fail(error)

    reader = threading.Thread(target=read_all, name="read", daemon=True)
    deliverer = threading.Thread(target=deliver_all, name="deliver", daemon=True)
    reader.start()
    deliverer.start()
    try:
        while True:
            try:
                item = read.get()
            except _EndError:
                break
            result = work(item)
            made.reserve()
            made.put(result)
        made.end()
        while deliverer.is_alive():
            deliverer.join(_PATIENCE)
    except _StoppedError:
        pass  # the deliverer failed; its error follows
    finally:
        stop.set()
        reader.join()
        deliverer.join()
    if made.error is not None:
        raise made.error


def overlapped_in_flight(
    source: Generator[Read, None, None],
    begin: Callable[[Read], Begun],
    finish: Callable[[Begun], Made],
    deliver: Callable[[Made], None],
    number: int,
    *,
    depth: int = DEPTH,
) -> None:
    """As `overlapped`, with the work in two steps and `number` items in its second step at once.

    Items are delivered in their order.

    Args:
        begin: runs in the caller's thread, for one item after the other.
        finish: runs in a thread of a pool; with one item at a time in the caller's thread.
        number: of items that `finish` works on at once.
    """
    if number == 1:
        overlapped(source, lambda item: finish(begin(item)), deliver, depth=depth)
        return
    workers = ThreadPoolExecutor(number, "work")
    try:
        overlapped(
            source,
            lambda item: workers.submit(finish, begin(item)),
            lambda future: deliver(future.result()),
            depth=depth,
            in_work=number,
        )
    finally:
        workers.shutdown(cancel_futures=True)


class _EndError(Exception):
    """No more items come."""


class _StoppedError(Exception):
    """Another stage failed, or the caller gave up."""


class _Channel(Generic[Item]):
    """A bounded queue that can end, fail and be stopped; no thread stays blocked on it."""

    def __init__(self, depth: int, stop: threading.Event) -> None:
        self._queue: SimpleQueue[tuple[Item] | None] = SimpleQueue()
        self._room = threading.Semaphore(depth)
        self._stop = stop
        self._ended = False
        self.error: BaseException | None = None

    def reserve(self) -> None:
        """Wait for room for one item, which `put` then fills."""
        while not self._stop.is_set() and self.error is None:
            if self._room.acquire(timeout=_PATIENCE):
                return
        raise _StoppedError

    def put(self, item: Item) -> None:
        self._queue.put((item,))

    def end(self) -> None:
        self._queue.put(None)

    def fail(self, error: BaseException) -> None:
        """Pass an error to the other side: a reader's after its items, a deliverer's at once."""
        self.error = error
        self._ended = True

    def get(self) -> Item:
        while not self._stop.is_set():
            try:
                entry = self._queue.get(timeout=_PATIENCE)
            except Empty:
                if self._ended and self.error is not None:
                    raise self.error from None
                continue
            if entry is None:
                raise _EndError
            self._room.release()
            return entry[0]
        raise _StoppedError
