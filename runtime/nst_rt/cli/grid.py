"""`nst-rt grid`: photographs by styles, or one pair over a parameter, as one labelled sheet."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand
from typer.models import OptionInfo

from nst_rt.cli.messages import say
from nst_rt.cli.option_fields import option
from nst_rt.cli.options import RUNNING, JsonOption, loss_network_option, output_option, stylizer_options
from nst_rt.errors import INTERRUPTED
from nst_rt.jobs.stylizer_options import StylizerOptions

if TYPE_CHECKING:
    from nst_rt.jobs.grid.making import Outcome

LISTS = ("--content", "-c", "--style", "-s", "--model", "-m")
"""Options that take all values up to the next option, as the shell makes of `--content *.jpg`."""


def list_option(flags: str, metavar: str, help: str) -> OptionInfo:
    """One of `LISTS`."""
    return option(flags, help, metavar=metavar, show_default=False)


class Method(StrEnum):
    """Choices of --method."""

    network = "network"
    optimize = "optimize"


class _Command(TyperCommand):
    """Reads `--content a b` as `--content a --content b`; the command has no arguments."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click."""
        found: list[str] = []
        option, fresh = "", False
        for word in args:
            if word.startswith("-") and word != "-":
                option, fresh = (word, True) if word in LISTS else ("", False)
            elif option and not fresh:
                found.append(option)
            else:
                fresh = False
            found.append(word)
        return super().parse_args(ctx, found)


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("grid", cls=_Command)(grid)


@stylizer_options("strength", "color", "match_colors", *RUNNING)
def grid(
    *,
    content: Annotated[list[str], list_option("--content -c", "IMAGE...", "Files, folders or quoted globs.")],
    output: Annotated[Path, output_option("The sheet; the images go to a folder beside it.")],
    style: Annotated[
        list[str] | None,
        list_option(
            "--style -s",
            "STYLE...",
            "Styles' names, blends, paintings, folders of them, or .onnx files; the model's first if left out.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        list_option("--model -m", "MODEL...", "Models' names or .onnx files; the built-in network if left out."),
    ] = None,
    sweep: Annotated[
        list[str] | None,
        option(
            "--sweep",
            "strength=0.2,0.5,1, color=..., stroke-size=..., match-colors=..., size=...; with --method optimize "
            "ratio=1,10,100, content-layer=relu2_1,relu3_1 and its other options. Twice for rows and columns.",
            metavar="NAME=VALUES",
        ),
    ] = None,
    method: Annotated[
        Method, option("--method", "optimize repaints with paintings in minutes an image, and needs PyTorch.")
    ] = Method.network,
    size: Annotated[int, option("--size", "Long side of the images at most, in pixels.", min=16)] = 720,
    side: Annotated[int, option("--side", "Long side of an image on the sheet, in pixels.", min=64)] = 320,
    options: StylizerOptions,
    steps: Annotated[int | None, option("--steps", "Of --method optimize; 300 if left out.", min=1)] = None,
    weights: Annotated[
        str | None, loss_network_option("The VGG that judges --method optimize, as in `nst-rt optimize`.")
    ] = None,
    overwrite: Annotated[
        bool, option("--overwrite", "Make every image again, and replace files that are not a grid's.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a sheet of photographs by styles, or of one pair over a parameter, with labels.

    The single images lie in a folder of the sheet's name. The same line again makes only what is missing or changed.
    An image that fails is reported on the sheet and the rest go on (exit 1); Ctrl-C keeps what there is (exit 130).
    """
    from nst_rt.cli.progress import job_bar
    from nst_rt.cli.signals import signals_interrupt
    from nst_rt.jobs.grid.grid_job import make_grid

    errors = set[str]()

    def tell(outcome: "Outcome") -> None:
        if outcome.state == "failed" and outcome.error not in errors:
            errors.add(outcome.error)
            say(f"nst-rt: error: {outcome.cell.file}: {outcome.error}")
        elif outcome.state == "made" and method is Method.optimize:
            say(f"{output.with_suffix('') / outcome.cell.file}: {outcome.seconds:.1f} s")

    with signals_interrupt(), job_bar() as progress:
        summary = make_grid(
            content,
            output,
            options,
            styles=style or (),
            models=model or (),
            sweeps=sweep or (),
            method=method.value,
            steps=steps,
            loss_network=weights,
            size=size,
            side=side,
            overwrite=overwrite,
            progress=progress,
            on_outcome=tell,
        )
    counts = summary.counts
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    say(f"{output}: {told}; in {summary.folder}")
    if as_json:
        typer.echo(json.dumps(summary.to_json(), ensure_ascii=False, indent=2))
    if summary.interrupted:
        raise typer.Exit(INTERRUPTED)
    if counts["failed"]:
        raise typer.Exit(2 if counts["failed"] == len(summary.outcomes) else 1)
