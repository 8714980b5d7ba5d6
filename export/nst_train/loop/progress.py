"""How a run tells where it is: a bar on a terminal, plain lines elsewhere."""

import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

LATELY = 21
"""Steps whose median is the pace."""


class Reporter(Protocol):
    """What the loop and the data folders say."""

    def begin(self, step: int, steps: int) -> None:
        """The run is about to take steps `step` ... `steps` - 1."""

    def expect(self, steps: int, seconds_left: float) -> None:
        """A run that is bound by time is likely to end after this many steps in all, in this many seconds."""

    def advance(self, step: int, losses: Mapping[str, float]) -> None:
        """`step` steps are done; the latest losses."""

    def note(self, text: str) -> None:
        """One line of news."""

    def end(self) -> None:
        """No more steps in this session."""


class Pace:
    """Seconds per step lately, and what is left.

    The median of the last steps: one that waits for a file, or is the first of a new size, hardly counts. The very
    first, which loads and compiles, counts only until there is another, and nothing is foretold from it.

    Args:
        step: steps that are done.
        steps: steps in all.
        clock: seconds from any moment on.
    """

    def __init__(self, step: int, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._steps, self._clock = steps, clock
        self._last = (clock(), step)
        self._first: float | None = None
        self._lately: deque[float] = deque(maxlen=LATELY)
        self._left: float | None = None

    def expect(self, seconds_left: float) -> None:
        """Take what is left from somebody who knows it better."""
        self._left = seconds_left

    def update(self, step: int) -> None:
        """Take the time after step number `step`."""
        now, before = self._clock(), self._last
        if step <= before[1]:
            return
        latest = (now - before[0]) / (step - before[1])
        if self._first is None:
            self._first = latest
        else:
            self._lately.append(latest)
        self._last = (now, step)

    @property
    def seconds(self) -> float:
        """A step lately takes so long; 0 before the first."""
        return statistics.median(self._lately) if self._lately else self._first or 0.0

    def told(self, step: int) -> str:
        """`0.03 s/step, 3 min left`, after step number `step`."""
        return ", ".join(filter(None, (f"{self.seconds:.2f} s/step", self.remaining(step))))

    def remaining(self, step: int) -> str:
        """`3 h 05 min left`; empty as long as nobody knows."""
        if self._left is None and not self._lately and step < self._steps:
            return ""
        left = round(self.seconds * (self._steps - step) if self._left is None else self._left)
        if left < 60:
            return f"{left} s left"
        hours, minutes = divmod((left + 30) // 60, 60)
        return f"{hours} h {minutes:02d} min left" if hours else f"{minutes} min left"


def format_losses(losses: Mapping[str, float]) -> str:
    """`style 0.912  content 0.705`."""
    return "  ".join(f"{name} {value:.4g}" for name, value in losses.items())


class PlainReporter:
    """Lines on stderr (or another stream), one every `every` steps."""

    def __init__(self, every: int = 20, stream: TextIO | None = None) -> None:
        self._every, self._stream = every, stream
        self._pace = Pace(0, 0)
        self._steps = self._first = 0

    def begin(self, step: int, steps: int) -> None:
        self._first, self._steps, self._pace = step, steps, Pace(step, steps)

    def expect(self, steps: int, seconds_left: float) -> None:
        self._steps = steps
        self._pace.expect(seconds_left)

    def advance(self, step: int, losses: Mapping[str, float]) -> None:
        self._pace.update(step)
        if step % self._every == 0 or step in (self._first + 1, self._steps):
            self.note(f"step {step}/{self._steps}  {format_losses(losses)}  {self._pace.told(step)}")

    def note(self, text: str) -> None:
        print(text, file=self._stream or sys.stderr, flush=True)

    def end(self) -> None:
        pass


class BarReporter:
    """A bar on a terminal's stderr."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(None),
            TextColumn("{task.fields[losses]}"),
            TextColumn("{task.fields[pace]}"),
            console=self._console,
            expand=True,
        )
        self._task: TaskID | None = None
        self._pace = Pace(0, 0)

    def begin(self, step: int, steps: int) -> None:
        self._pace = Pace(step, steps)
        self._task = self._progress.add_task("", total=steps, completed=step, losses="", pace="")
        self._progress.start()

    def expect(self, steps: int, seconds_left: float) -> None:
        assert self._task is not None
        self._pace.expect(seconds_left)
        self._progress.update(self._task, total=steps)

    def advance(self, step: int, losses: Mapping[str, float]) -> None:
        assert self._task is not None
        self._pace.update(step)
        first = dict(list(losses.items())[:2])  # style and content; all of them would fill the line
        self._progress.update(self._task, completed=step, losses=format_losses(first), pace=self._pace.told(step))

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def end(self) -> None:
        self._progress.stop()


def choose_reporter(every: int = 20) -> Reporter:
    """A bar where stderr is a terminal, else plain lines."""
    return BarReporter() if sys.stderr.isatty() else PlainReporter(every)
