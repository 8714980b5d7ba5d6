"""`nst-rt styles`: what `--style` can be."""

import json
from typing import TYPE_CHECKING

import typer

from nst_rt.cli.messages import say
from nst_rt.cli.options import JsonOption, stylizer_options
from nst_rt.jobs.stylizer_options import StylizerOptions

if TYPE_CHECKING:
    from nst_rt.jobs.named_styles import ListedStyle


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("styles")(styles)


@stylizer_options("model")
def styles(options: StylizerOptions, as_json: JsonOption = False) -> None:
    """List every style: the vectors of the built-in (or the given) network, and models with one style."""
    from nst_rt.jobs.named_styles import list_styles

    found = list_styles(options.model)
    if as_json:
        typer.echo(json.dumps({"styles": [one.to_json() for one in found]}, ensure_ascii=False, indent=2))
    elif not found:
        say("No styles yet. `nst-rt export` makes models from checkpoints.")
    else:
        _show(found)


def _show(found: "list[ListedStyle]") -> None:
    from rich.table import Table

    from nst_rt.cli.tables import print_table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("style", "painting", "artist", "year", "model"):
        table.add_column(column, no_wrap=column in ("style", "year"))
    for one in found:
        model = f"{one.model} ({one.kind})" if one.kind == "yours" else one.model
        table.add_row(one.name, one.title, one.artist, one.year, model)
    print_table(table)
