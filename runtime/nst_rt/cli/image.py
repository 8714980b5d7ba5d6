"""`nst-rt image`: images, folders of images, or an image through a pipe."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from nst_rt.cli.messages import say, say_error
from nst_rt.cli.option_fields import option
from nst_rt.cli.options import (
    LOOK,
    MASK,
    RUNNING,
    JsonOption,
    OverwriteOption,
    StylesOption,
    output_option,
    stylizer_options,
)
from nst_rt.errors import OutputError
from nst_rt.jobs.stylizer_options import StylizerOptions

if TYPE_CHECKING:
    from nst_rt.jobs.image_job import ImageJob
    from nst_rt.jobs.image_stages import ImageResult


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("image")(image)


@stylizer_options("model", *LOOK, "match_colors", *MASK, *RUNNING, "in_flight")
def image(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE...", help="Files, folders, quoted globs, or - for stdin.", show_default=False),
    ],
    *,
    output: Annotated[
        str | None,
        output_option(
            "For several images or styles a folder, made if missing; for one a file, a folder with a / at its "
            "end, or - for stdout. "
            "Left out: photo.STYLE.jpg beside photo.jpg, with settings that are not the usual ones: "
            "photo.gogh.strength-0.5.jpg.",
            metavar="FILE|FOLDER|-",
        ),
    ] = None,
    style: StylesOption = None,
    options: StylizerOptions,
    size: Annotated[
        int | None, option("--size", "Scale down to at most this many pixels on the long side.", min=16)
    ] = None,
    format: Annotated[str | None, option("--format", "png, jpg, webp, tif or bmp, where -o names no file.")] = None,
    quality: Annotated[int, option("--quality", "Of JPEG and WebP.", min=1, max=100)] = 95,
    recursive: Annotated[bool, option("--recursive -r", "Look into folders within folders.")] = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Stylise images; each keeps its size (unless --size), its transparency and its colour profile.

    Results are 8 bits a channel and upright. Of several, one that fails is reported; the rest go on (exit 1).
    From a folder, what an earlier run wrote beside its images (photo.gogh.jpg beside photo.jpg) is left out.
    """
    from nst_rt.cli.progress import job_bar
    from nst_rt.cli.signals import signals_interrupt
    from nst_rt.jobs.image_job import ImageJob

    job = ImageJob(
        inputs,
        output,
        options,
        styles=style or (),
        size=size,
        format=format,
        quality=quality,
        recursive=recursive,
        overwrite=overwrite,
    )
    if job.writes_to_stdout:
        _check_stdout(as_json)
    with signals_interrupt(), job_bar() as progress:
        summary = job.run(progress=progress, report=say, on_result=lambda result: _tell(job, result))
    if as_json:
        typer.echo(json.dumps(summary.to_json(), ensure_ascii=False, indent=2))
    errors, number = summary.errors, len(summary.images)
    if errors and job.has_one_result:
        raise errors[0]
    if not job.has_one_image:
        say(f"{number - len(errors)} of {number} images written to {job.folder}")
    if errors:
        raise typer.Exit(2 if len(errors) == number else 1)


def _tell(job: "ImageJob", result: "ImageResult") -> None:
    """Say what became of an image."""
    for notice in result.notices:
        say(f"note: {notice}")
    if result.error is not None:
        if not job.has_one_result:
            say_error(result.error)
    elif job.has_one_image and not job.writes_to_stdout and result.size and result.milliseconds is not None:
        width, height = result.size
        say(f"{result.target}: {width}x{height} px in {result.milliseconds / 1000:.3f} s on {result.device}")


def _check_stdout(as_json: bool) -> None:
    if as_json:
        raise OutputError("--json and an image cannot both go to stdout. Give -o FILE")
    if sys.stdout.isatty():
        raise OutputError("an image does not go to a terminal. Give -o FILE or send stdout to a file")
