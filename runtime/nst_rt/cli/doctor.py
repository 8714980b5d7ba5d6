"""`nst-rt doctor`: is everything there, and does it really run?"""

import json
import logging
from dataclasses import asdict

import typer

from nst_rt.cli.options import JsonOption


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("doctor")(doctor)


def doctor(as_json: JsonOption = False) -> None:
    """Check the installation: ONNX Runtime, devices, OpenCV, cameras, folders. Exit code 1 if something is broken."""
    from nst_rt.jobs.diagnosis import examine

    # What the session logs is among the findings already.
    logging.getLogger("nst_rt").setLevel(logging.ERROR)
    checks = list(examine())
    broken = any(check.status == "error" for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": not broken, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        from rich.markup import escape
        from rich.table import Table

        from nst_rt.cli.tables import print_table

        marks = {"ok": "[green]✓", "note": "[dim]·", "warning": "[yellow]![/]", "error": "[red]✗"}
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for check in checks:
            # An install line's [cuda] is no style of rich's.
            lines = escape(check.detail) + (f"\n[cyan]→ {escape(check.next_step)}" if check.next_step else "")
            table.add_row(marks[check.status], check.name, lines)
        print_table(table)
    if broken:
        raise typer.Exit(1)
