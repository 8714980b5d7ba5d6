"""`nst-rt demo`: one picture in every style."""

from pathlib import Path
from typing import Annotated

import typer

from nst_rt.cli.options import DeviceOption, JsonOption, ModelOption, PrecisionOption, ThreadsOption


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("demo")(demo)


def demo(
    photo: Annotated[
        Path | None, typer.Argument(help="A photograph; a landscape drawn by nst-rt if left out.", show_default=False)
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The contact sheet.")] = Path("nst-rt-styles.jpg"),
    style: Annotated[
        list[str] | None, typer.Option("--style", "-s", help="Only this style; may be given several times.")
    ] = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    size: Annotated[int, typer.Option(min=64, help="Long side at which the photograph is stylised, in pixels.")] = 720,
    as_json: JsonOption = False,
) -> None:
    """Make a contact sheet of a picture in every available style."""
    import time

    from nst_rt.cli.progress import progress_bar
    from nst_rt.models import find_model, list_models
    from nst_rt.sample_picture import landscape
    from nst_rt.sheet import Cell, contact_sheet
    from nst_rt.sinks.picture import write_picture
    from nst_rt.sources.picture import read_picture
    from nst_rt.stylizer import Stylizer

    picture = read_picture(photo).shrunk(size).bgr if photo else landscape(size, size * 2 // 3)
    cells = [Cell(picture, "original")]
    models = [find_model(model)] if model else list_models()
    options = {"device": device, "precision": precision}
    started, made = time.perf_counter(), []
    with progress_bar(None, "pictures") as advance:
        for files in models:
            with Stylizer(files, **options, threads=threads) as stylizer:
                for name in stylizer.styles:
                    if style and name not in style:
                        continue
                    stylizer.style = name
                    cells.append(Cell(stylizer(picture), name))
                    made.append(name)
                    advance()
    if missing := [name for name in style or [] if name not in made]:
        from nst_rt.styles import unknown_style

        raise unknown_style(missing[0], [name for files in models for name in Stylizer(files).styles])
    write_picture(output, contact_sheet(cells))
    if as_json:
        import json

        seconds = round(time.perf_counter() - started, 3)
        typer.echo(json.dumps({"output": str(output), "styles": made, "seconds": seconds}))
    else:
        typer.echo(f"{len(made)} styles in {output}", err=True)
