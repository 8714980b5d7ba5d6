"""A progress bar on stderr, for people only: where stderr is not a terminal there is none."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from nst_rt.jobs.progress import Progress, ProgressCallback, ProgressCounter

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import Task


@contextmanager
def job_bar() -> Iterator[ProgressCallback | None]:
    """Show a job's bar, with speed and remaining time, while the block runs; none for a single item.

    Yields:
        What the job takes as `progress`.
    """
    if not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as shown:
        bars: list[Bar] = []

        def show(progress: Progress) -> None:
            if progress.total == 1:
                return
            if not bars:
                bars.append(shown.enter_context(_bar()))
                bars[0].add_task(progress.unit, total=progress.total)
            bars[0].update(bars[0].task_ids[0], completed=progress.done)

        yield show


@contextmanager
def progress_bar(total: int | None, unit: str) -> Iterator[Callable[[], None]]:
    """As `job_bar`, for a loop.

    Args:
        total: an estimate; None if nobody knows.
        unit: what is counted, in the plural: `frames`, `images`.

    Yields:
        A function to call after each one, from any thread.
    """
    with job_bar() as show:
        yield ProgressCounter(show, total, unit).advance


def _bar() -> "Bar":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Speed(ProgressColumn):
        """Items a second, over the last thirty seconds."""

        def render(self, task: "Task") -> Text:
            return Text(f"{task.speed:.1f} {task.description}/s" if task.speed else "")

    return Bar(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        Speed(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
