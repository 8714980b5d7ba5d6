"""`nst-rt grid`: photographs by styles, or one pair over a parameter, as one labelled sheet."""

import json
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nst_rt.cli.list_options import RepeatedValues
from nst_rt.cli.messages import say
from nst_rt.cli.options import (
    ColorOption,
    DeviceOption,
    JsonOption,
    MatchColorsOption,
    PrecisionOption,
    StrengthOption,
    ThreadsOption,
)
from nst_rt.errors import INTERRUPTED, InputError, OutputError, StyleError

if TYPE_CHECKING:
    from nst_rt.jobs.grid.making import Maker, Outcome
    from nst_rt.jobs.grid.parameters import Sweep

UNUSED: dict[str, Any] = {"strength": 1.0, "color": 1.0, "match-colors": "none", "steps": None}
"""What the options hold where they were not given."""


class Method(StrEnum):
    """Choices of --method."""

    network = "network"
    optimize = "optimize"


class _Command(RepeatedValues):
    LISTS = ("--content", "-c", "--style", "-s", "--model", "-m")


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("grid", cls=_Command)(grid)


def grid(
    content: Annotated[
        list[str],
        typer.Option("--content", "-c", metavar="IMAGE...", help="Files, folders or quoted globs.", show_default=False),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="The sheet; the images go to a folder beside it.",
        ),
    ],
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            "-s",
            metavar="STYLE...",
            show_default=False,
            help="Styles' names, blends, paintings, folders of them, or .onnx files; the model's first if left out.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL...",
            show_default=False,
            help="Models' names or .onnx files; the built-in network if left out.",
        ),
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            "--sweep",
            metavar="NAME=VALUES",
            show_default=False,
            help="strength=0.2,0.5,1, color=..., stroke-size=..., match-colors=..., size=...; with --method optimize "
            "ratio=1,10,100, content-layer=relu2_1,relu3_1 and its other options. Twice for rows and columns.",
        ),
    ] = None,
    method: Annotated[
        Method,
        typer.Option("--method", help="optimize repaints with paintings in minutes an image, and needs PyTorch."),
    ] = Method.network,
    size: Annotated[int, typer.Option("--size", min=16, help="Long side of the images at most, in pixels.")] = 720,
    side: Annotated[int, typer.Option("--side", min=64, help="Long side of an image on the sheet, in pixels.")] = 320,
    strength: StrengthOption = 1.0,
    color: ColorOption = 1.0,
    match_colors: MatchColorsOption = "none",
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Of --method optimize; 300 if left out.", show_default=False)
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--loss-network",
            "--weights",
            metavar="FILE|vgg19|vgg16",
            help="The VGG that judges --method optimize, as in `nst-rt optimize`.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make every image again, and replace files that are not a grid's.")
    ] = False,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a sheet of photographs by styles, or of one pair over a parameter, with labels.

    The single images lie in a folder of the sheet's name. The same line again makes only what is missing or changed.
    An image that fails is reported on the sheet and the rest go on (exit 1); Ctrl-C keeps what there is (exit 130).
    """
    from nst_rt.cli.progress import progress_bar
    from nst_rt.cli.signals import signals_interrupt
    from nst_rt.jobs.grid.drawing import draw_grid
    from nst_rt.jobs.grid.making import GridRun
    from nst_rt.jobs.grid.parameters import parse_sweep
    from nst_rt.jobs.grid.plan import plan_grid
    from nst_rt.jobs.grid.record import GridRecord
    from nst_rt.media.images.image_writer import write_image

    sweeps = [parse_sweep(text, method.value) for text in sweep or []]
    given = {"strength": strength, "color": color, "match-colors": match_colors, "steps": steps}
    settings = {"size": size, **_settings(given, sweeps, method)}
    if method is Method.network and weights is not None:
        raise StyleError("--loss-network is for --method optimize. Add it, or leave --loss-network out")
    if method is Method.optimize and (model or not style):
        raise StyleError("--method optimize has no --model, and needs --style with paintings")
    contents, styles = _images(content, output), _styles(style or [""], output)
    _check_sheet(output, [*contents, *(Path(one) for one in styles if one)], overwrite=overwrite)
    plan = plan_grid(contents, styles, list(model) if model else [None], sweeps, settings)
    folder = output.with_suffix("")
    record = GridRecord(folder, anew=overwrite)
    interrupted, told_errors = False, set[str]()
    with signals_interrupt(), closing(_maker(method, weights, device, precision, threads)) as maker:
        run = GridRun(plan, maker, folder, record)
        try:
            with progress_bar(len(plan.cells), "images") as advance:

                def report(outcome: "Outcome") -> None:
                    if outcome.state == "failed" and outcome.error not in told_errors:
                        told_errors.add(outcome.error)
                        say(f"nst-rt: error: {outcome.cell.file}: {outcome.error}")
                    elif outcome.state == "made" and method is Method.optimize:
                        say(f"{folder / outcome.cell.file}: {outcome.seconds:.1f} s")
                    advance()

                run.run(report)
        except KeyboardInterrupt:
            interrupted = True
    missing = {
        one.cell.file: one.error or "not made: interrupted"
        for one in run.outcomes
        if one.state in ("failed", "not made")
    }
    largest = max(cell.request.settings["size"] for cell in plan.cells)
    write_image(output, draw_grid(plan, folder, missing, side=min(side, max(64, largest))))
    record.add_sheet(output.name)
    counts = {
        state: sum(one.state == state for one in run.outcomes) for state in ("made", "kept", "failed", "not made")
    }
    say(f"{output}: " + ", ".join(f"{count} {state}" for state, count in counts.items() if count) + f"; in {folder}")
    if as_json:
        told = {"output": str(output), "folder": str(folder), "rows": plan.rows, "columns": plan.columns}
        images = [outcome.to_json() for outcome in run.outcomes]
        typer.echo(json.dumps({**told, "interrupted": interrupted, "images": images}, ensure_ascii=False, indent=2))
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    if counts["failed"]:
        raise typer.Exit(2 if counts["failed"] == len(run.outcomes) else 1)


def _settings(given: dict[str, Any], sweeps: "list[Sweep]", method: Method) -> dict[str, Any]:
    """The options that were given and are the same for all images."""
    from nst_rt.jobs.grid.parameters import PARAMETERS
    from nst_rt.styles.color_matching import check_method

    check_method(given["match-colors"])
    names = [sweep.name for sweep in sweeps]
    if len(names) > len(set(names)):
        raise StyleError(f"--sweep {names[-1]}: the same parameter twice. Put all its values into one --sweep")
    settings = {name: value for name, value in given.items() if value != UNUSED[name]}
    for name in settings:
        if name in names:
            raise StyleError(f"--{name} and --sweep {name}: give one of the two")
        if method.value not in PARAMETERS[name].methods:
            raise StyleError(f"--{name} is not for --method {method.value}. Leave it out")
    for name in ("strength", "color"):
        if not 0 <= given[name] <= 1:
            raise StyleError(f"{name} {given[name]:g} is out of range. Give a number from 0 to 1")
    return settings


def _check_sheet(output: Path, inputs: list[Path], *, overwrite: bool) -> None:
    """Refuse a sheet that cannot be written, or that would replace something else than a grid's."""
    from nst_rt.files.atomic import refuse_unwritable
    from nst_rt.files.naming import check_not_taken
    from nst_rt.jobs.grid.record import sheets_of
    from nst_rt.media.images.image_writer import check_suffix

    check_suffix(output.suffix, str(output))
    refuse_unwritable(output)
    folder = output.with_suffix("")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: a file, and the single images need a folder of this name. Give another -o")
    if output.name not in sheets_of(folder):
        check_not_taken(output, inputs, overwrite=overwrite)


def _images(names: list[str], output: Path) -> list[Path]:
    """The images that were named, without an earlier sheet of this grid: `*.jpg` names it too, the second time."""
    from nst_rt.jobs.grid.record import sheets_of
    from nst_rt.jobs.image_paths import STREAM, find_images
    from nst_rt.media.images.image_reader import SUFFIXES

    folder = output.with_suffix("")
    sheets = [(folder.parent / name).resolve() for name in sheets_of(folder)]
    found = [one.path for one in find_images(names, recursive=False, suffixes=SUFFIXES, avoid=folder)]
    if STREAM in found:
        raise InputError("- (stdin) is not for grids. Name files")
    images = [path for path in found if path.resolve() not in sheets]
    if not images:
        raise InputError(f"{names[0]}: the sheet itself is no image for it. Name others")
    return images


def _styles(names: list[str], output: Path) -> list[str]:
    """Styles, each once; a folder is the paintings in it."""
    from nst_rt.files.paths import is_folder

    styles: dict[str, None] = {}
    for name in names:
        found = [str(path) for path in _images([name], output)] if name and is_folder(Path(name)) else [name]
        styles |= dict.fromkeys(found)
    return list(styles)


def _maker(method: Method, weights: str | None, device: str, precision: str, threads: int | None) -> "Maker":
    if method is Method.optimize:
        from nst_rt.jobs.grid.optimized import OptimizedMaker
        from nst_rt.jobs.optimizing import load_optimizer

        return OptimizedMaker(load_optimizer()(weights=weights, device=device, precision=precision, threads=threads))
    from nst_rt.jobs.grid.network import NetworkMaker

    return NetworkMaker(device=device, precision=precision, threads=threads)
