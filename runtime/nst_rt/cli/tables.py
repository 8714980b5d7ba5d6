"""Tables on stdout: within the columns of a terminal, and one line a row, unbroken, for programs and files."""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

_UNBROKEN = 100_000
"""Columns that no row fills."""


def print_table(table: "Table") -> None:
    """Print to stdout."""
    import typer
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        console.print(table)
        return
    written = io.StringIO()
    Console(file=written, width=_UNBROKEN, force_terminal=False).print(table)
    for line in written.getvalue().splitlines():
        typer.echo(line.rstrip())
