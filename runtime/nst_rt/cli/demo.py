"""`nst-rt demo`: one image in every style."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nst_rt.cli.messages import say
from nst_rt.cli.options import DeviceOption, JsonOption, ModelOption, PrecisionOption, ThreadsOption
from nst_rt.errors import ModelError, StyleError
from nst_rt.files.paths import local_path

if TYPE_CHECKING:
    from nst_rt.stylizer.stylizer import Stylizer


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("demo")(demo)


def demo(
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
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The contact sheet; photo.styles.jpg beside photo.jpg, or nst-rt-styles.jpg, if left out.",
            show_default=False,
        ),
    ] = None,
    style: Annotated[
        list[str] | None, typer.Option("--style", "-s", help="Only this style; may be given several times.")
    ] = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    size: Annotated[int, typer.Option(min=64, help="Long side at which the photograph is stylised, in pixels.")] = 720,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a contact sheet of an image in every available style."""
    import time

    from nst_rt.cli.progress import progress_bar
    from nst_rt.cli.signals import signals_interrupt
    from nst_rt.files.atomic import refuse_unwritable
    from nst_rt.files.naming import check_not_taken
    from nst_rt.jobs.opened_styles import SHEET_TAG
    from nst_rt.media.images.contact_sheet import Cell, contact_sheet
    from nst_rt.media.images.image_reader import read_image
    from nst_rt.media.images.image_writer import check_suffix, write_image
    from nst_rt.media.images.sample_image import landscape
    from nst_rt.styles.library import unknown_style

    if output is None:
        output = photo.with_name(f"{photo.stem}.{SHEET_TAG}.jpg") if photo else Path(f"nst-rt-{SHEET_TAG}.jpg")
    check_suffix(output.suffix, str(output))
    refuse_unwritable(output)
    check_not_taken(output, [photo] if photo else [], overwrite=overwrite)
    image = read_image(photo).shrunk(size).bgr if photo else landscape(size, size * 2 // 3)
    cells = [Cell(image, "original")]
    started, made = time.perf_counter(), []
    with signals_interrupt(), ExitStack() as opened:
        stylizers = _open_all(opened, model, device, precision, threads)
        known = [name for stylizer in stylizers for name in stylizer.styles]
        if missing := [name for name in style or [] if name not in known]:
            raise unknown_style(missing[0], known)
        if not known:
            raise StyleError(
                f"{model or 'the model'} comes without named styles, so there is nothing to show. Leave --model out, "
                "or give nst-rt image a painting with --style"
            )
        with progress_bar(len(style or known), "images") as advance:
            for stylizer in stylizers:
                for name in stylizer.styles:
                    if style and name not in style:
                        continue
                    try:
                        stylizer.style = name
                    except StyleError as error:
                        if style:
                            raise
                        say(f"nst-rt: {' '.join(str(error).split())}; left out")
                        continue
                    cells.append(Cell(stylizer(image), name))
                    made.append(name)
                    advance()
                stylizer.close()
    write_image(output, contact_sheet(cells))
    if as_json:
        import json

        seconds = round(time.perf_counter() - started, 3)
        typer.echo(json.dumps({"output": str(output), "styles": made, "seconds": seconds}))
    else:
        say(f"{len(made)} styles in {output}")


def _open_all(
    opened: ExitStack, model: str | None, device: str, precision: str, threads: int | None
) -> "list[Stylizer]":
    """The given model, else all; a file among the user's models that is none is reported and left out."""
    from nst_rt.models.catalog import BUILT_IN, find_model, list_models
    from nst_rt.stylizer.stylizer import Stylizer

    stylizers = []
    for files in [find_model(model)] if model else list_models():
        try:
            stylizer = Stylizer(files, device=device, precision=precision, threads=threads)
        except (ModelError, StyleError) as error:
            if model or files.name == BUILT_IN:
                raise
            say(f"nst-rt: {' '.join(str(error).split())}; left out")
            continue
        stylizers.append(opened.enter_context(stylizer))
    return stylizers
