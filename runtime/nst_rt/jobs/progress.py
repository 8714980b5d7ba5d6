"""How a job tells where it is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How many items of a job are done.

    Examples:
        >>> Progress(done=3, total=10, unit="images").total
        10
    """

    done: int
    total: int | None
    """Of all items, an estimate; None if nobody knows."""
    unit: str
    """What is counted, in the plural: `frames`, `images`."""


ProgressCallback = Callable[[Progress], None]
"""Called once with `done` 0, and then after every item; from any thread, but never from two at a time."""

Report = Callable[[str], None]
"""Called with one line for people, such as `print`."""


def silent(line: str) -> None:
    """A `Report` that nobody reads."""


class ProgressCounter:
    """Counts the items of a job and tells a callback."""

    def __init__(self, callback: ProgressCallback | None, total: int | None, unit: str) -> None:
        self._callback, self._total, self._unit = callback, total, unit
        self._done = 0
        self._tell()

    def advance(self) -> None:
        """One more is done."""
        self._done += 1
        self._tell()

    def _tell(self) -> None:
        if self._callback is not None:
            self._callback(Progress(self._done, self._total, self._unit))
