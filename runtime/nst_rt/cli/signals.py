"""`kill` and a closing terminal end a command the way Ctrl-C does: in order, with half-written files removed."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into KeyboardInterrupt while the block runs; only in the main thread."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    names = ("SIGTERM", "SIGHUP")
    before = {number: signal.signal(number, interrupt) for name in names if (number := getattr(signal, name, None))}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def signals_stop(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Call `stop` on Ctrl-C, on `kill` and when the terminal closes; a second Ctrl-C ends the block at once.

    Yields:
        The numbers of the signals that came, in order.
    """
    came: list[int] = []

    def handle(number: int, frame: object) -> None:
        came.append(number)
        stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    before = {number: signal.signal(number, handle) for name in names if (number := getattr(signal, name, None))}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
