"""Batches prepared in threads while the device computes."""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Batch = TypeVar("Batch")


def read_ahead(make: Callable[[int], Batch], start: int, stop: int, workers: int = 2) -> Generator[Batch, None, None]:
    """`make(start)`, ..., `make(stop - 1)` in order, a few of them made ahead by threads.

    `make` must be safe to call from several threads. What it raises comes out where its batch would have.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="batches") as pool:
        waiting: deque[Future[Batch]] = deque()
        submitted = start
        try:
            for _ in range(start, stop):
                while submitted < stop and len(waiting) < workers + 2:
                    waiting.append(pool.submit(make, submitted))
                    submitted += 1
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
