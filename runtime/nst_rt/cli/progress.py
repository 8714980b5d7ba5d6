"""A progress bar on stderr, for people only: where stderr is not a terminal there is none."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Task


@contextmanager
def progress_bar(total: int | None, unit: str) -> Iterator[Callable[[], None]]:
    """Show a bar with speed and remaining time while the block runs.

    Args:
        total: how many there will be, an estimate; None if nobody knows.
        unit: what is counted, in the plural: `frames`, `images`.

    Yields:
        A function to call after each one, from any thread.
    """
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Speed(ProgressColumn):
        """Items a second, over the last thirty seconds."""

        def render(self, task: "Task") -> Text:
            return Text(f"{task.speed:.1f} {unit}/s" if task.speed else "")

    with Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        Speed(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)
