"""`nst-rt styles`: what `--style` can be."""

from typing import Any

import typer

from nst_rt.cli.messages import say
from nst_rt.cli.options import JsonOption, ModelOption
from nst_rt.errors import ModelError, NstError


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("styles")(styles)


def styles(model: ModelOption = None, as_json: JsonOption = False) -> None:
    """List every style: the vectors of the built-in (or the given) network, and models with one style."""
    from nst_rt.engine.session import read_model
    from nst_rt.models.catalog import BUILT_IN, find_model, list_models

    wanted = [find_model(model)] if model else list_models()
    rows = []
    for files in wanted:
        try:
            record = read_model(files.path)
            if record.kind != "stylizer":
                raise ModelError(f"{files.path}: a style encoder, not a stylising model. Give the model beside it")
            rows += _rows(files, record, built_in=files.name == BUILT_IN)
        except NstError as error:
            if model:
                raise
            # One foreign file in the user's folder hides nothing else.
            say(f"nst-rt: {' '.join(str(error).split())}; left out")
    if as_json:
        import json

        typer.echo(json.dumps({"styles": rows}, ensure_ascii=False, indent=2))
        return
    if not rows:
        say("No styles yet. `nst-rt export` makes models from checkpoints.")
        return
    _show(rows)


def _rows(files: Any, record: Any, *, built_in: bool) -> list[dict[str, str]]:
    from nst_rt.styles.library import load_styles

    if not record.style_size:
        name = record.styles[0] if record.styles else files.name
        return [_row(files.name, files.name, "baked in", title=name if name != files.name else "")]
    named = [
        _row(
            style.name,
            files.name,
            "yours" if style.user_file else "built in" if built_in else "vector",
            title=style.title,
            artist=style.artist,
            year=style.year,
            license=style.license,
            training=style.training,
        )
        for style in load_styles(files, record.style_size, record.source_sha256).values()
    ]
    return named or [_row("PAINTING.jpg", files.name, "any painting" if files.encoder else "vectors only")]


def _row(name: str, model: str, kind: str, **texts: str) -> dict[str, str]:
    return {"name": name, "model": model, "kind": kind, **{key: text for key, text in texts.items() if text}}


def _show(rows: list[dict[str, str]]) -> None:
    from rich.table import Table

    from nst_rt.cli.tables import print_table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("style", "painting", "artist", "year", "model"):
        table.add_column(column, no_wrap=column in ("style", "year"))
    for row in rows:
        model = f"{row['model']} ({row['kind']})" if row["kind"] == "yours" else row["model"]
        table.add_row(row["name"], *(row.get(key, "") for key in ("title", "artist", "year")), model)
    print_table(table)
