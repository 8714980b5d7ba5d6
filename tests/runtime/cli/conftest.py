"""Running the command line in this process."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nst_rt.cli
import pytest


class Outcome(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    def assert_refused(self, words: str) -> None:
        """The command printed nothing but one line with these words."""
        assert (self.code, self.out) == (2, "")
        assert self.err.startswith("nst-rt: error: ")
        assert self.err.count("\n") == 1
        assert words in self.err


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """A call with what is typed behind `nst-rt`."""

    def call(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["nst-rt", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            nst_rt.cli.main()
        return Outcome(int(stop.value.code or 0), *capfd.readouterr())

    return call
