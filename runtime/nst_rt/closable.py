"""What holds files, memory or sessions until it is closed."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, Self


class Closable(ABC):
    """A `with` block closes it at its end, also after an error."""

    @abstractmethod
    def close(self) -> None:
        """Give back what it holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _HasClose(Protocol):
    def close(self) -> None: ...


@contextmanager
def closed_on_error(opened: _HasClose) -> Iterator[None]:
    """Close something if the block raises; otherwise it stays open."""
    try:
        yield
    except BaseException:
        opened.close()
        raise
