"""Lines for the user, on stderr: what a command says, errors, and the warnings that the library logs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from nst_rt.cli.hints import with_hint
from nst_rt.errors import NstError


def say(line: str) -> None:
    """Print one line to stderr."""
    typer.echo(line, err=True)


def fail(message: str, code: int = 2, *, below: str = "") -> int:
    """Print one error line to stderr, and `below` beneath it as it is; returns the exit code to end with."""
    say(f"nst-rt: error: {' '.join(message.split())}")
    if below:
        say(below)
    return code


def say_error(error: NstError) -> None:
    """Print an error of the library on one line, with the option that it is about; the command goes on."""
    say(f"nst-rt: error: {' '.join(with_hint(error).split())}")


class _Lines(logging.Handler):
    """One line on stderr for every record."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            say(f"nst-rt: {' '.join(record.getMessage().split())}")
        except Exception:
            self.handleError(record)


@contextmanager
def logged_lines(level: int) -> Iterator[None]:
    """Show what the package logs from `level` up while the block runs."""
    log = logging.getLogger("nst_rt")
    before, handler = log.level, _Lines()
    log.addHandler(handler)
    log.setLevel(level)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
