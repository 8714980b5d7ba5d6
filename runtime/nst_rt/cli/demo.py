"""`nst-rt demo`: one image in every style."""

import json
from pathlib import Path
from typing import Annotated

import typer

from nst_rt.cli.messages import say
from nst_rt.cli.option_fields import option
from nst_rt.cli.options import RUNNING, JsonOption, OverwriteOption, output_option, stylizer_options
from nst_rt.files.paths import local_path
from nst_rt.jobs.stylizer_options import StylizerOptions


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("demo")(demo)


@stylizer_options("model", *RUNNING)
def demo(
    *,
    photo: Annotated[
        Path | None,
        typer.Argument(
            parser=local_path,
            metavar="[PHOTO]",
            help="A photograph; a landscape drawn by nst-rt if left out.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        output_option("The contact sheet; photo.styles.jpg beside photo.jpg, or nst-rt-styles.jpg, if left out."),
    ] = None,
    style: Annotated[list[str] | None, option("--style -s", "Only this style; may be given several times.")] = None,
    options: StylizerOptions,
    size: Annotated[int, option("--size", "Long side at which the photograph is stylised, in pixels.", min=64)] = 720,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a contact sheet of an image in every available style."""
    from nst_rt.cli.progress import job_bar
    from nst_rt.cli.signals import signals_interrupt
    from nst_rt.jobs.demo_job import make_demo

    with signals_interrupt(), job_bar() as progress:
        summary = make_demo(
            photo, output, options, styles=style or (), size=size, overwrite=overwrite, progress=progress
        )
    if as_json:
        typer.echo(json.dumps(summary.to_json()))
    else:
        say(f"{len(summary.styles)} styles in {summary.output}")
