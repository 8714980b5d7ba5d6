"""`nst-rt info`: everything that a model file promises."""

import json
from typing import Annotated, Any

import typer

from nst_rt.cli.options import JsonOption


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("info")(info)


def info(
    file: Annotated[str, typer.Argument(help="An .onnx file of nst-rt, or a model's name.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Show a model file's contract, family, precision, styles, origin and measured accuracy; --json for programs."""
    from nst_rt.jobs.model_description import describe_model
    from nst_rt.models.catalog import BUILT_IN, BUNDLED, find_model

    description = describe_model(file)
    files = find_model(file)
    if files.path.resolve().parent == BUNDLED.resolve() and files.network == BUILT_IN:
        # The record is of the run that wrote the weights; it began with those of another.
        description["history"] = "of all training runs: docs/built-in-network.md in nst-rt's checkout"
    if as_json:
        typer.echo(json.dumps(description, ensure_ascii=False, indent=2))
    else:
        _show(description)


def _show(description: dict[str, Any]) -> None:
    from rich.table import Table

    from nst_rt.cli.tables import print_table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in description.items():
        if key in ("inputs", "outputs"):
            for tensor in value:
                table.add_row(key[:-1], f"{tensor['name']}  {tensor['type']} {list(tensor['shape'])}")
        elif key == "parity":
            for parity in value:
                size = f"{parity['width']}x{parity['height']}"
                table.add_row("parity", f"{size}  PSNR {parity['psnr']:.1f} dB, worst {parity['worst']:g}")
        elif key == "extra":
            for name, text in value.items():
                table.add_row(name, text)
        elif isinstance(value, list | tuple):
            table.add_row(key, ", ".join(map(str, value)) or "-")
        else:
            table.add_row(key, str(value) if value != "" else "-")
    print_table(table)
