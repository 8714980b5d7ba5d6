"""`nst-rt compare`: every method on the same photograph and painting. Imports nothing heavy until it runs."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from nst_export.pytorch import require_torch
from nst_rt.cli.options import DeviceOption, JsonOption, PrecisionOption, ThreadsOption
from nst_rt.errors import INTERRUPTED
from nst_rt.models.catalog import BUILT_IN

METHODS, OPTIMISATION = "Methods", "Optimisation"


class OptimizingPrecision(StrEnum):
    """Choices of --optimizing-precision."""

    fp32 = "fp32"
    bf16 = "bf16"
    auto = "auto"


def compare(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The photograph.", show_default=False)],
    style: Annotated[
        str,
        typer.Argument(
            metavar="STYLE",
            help="A painting; or a style's name, and its painting with --painting.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="For compare.html, compare.md, compare.json, the sheet compare.jpg and the images. The same line "
            "again makes what is missing or changed.",
            show_default=False,
        ),
    ],
    painting: Annotated[
        Path | None,
        typer.Option("--painting", "-p", help="The painting behind a style that is given by name.", show_default=False),
    ] = None,
    contender: Annotated[
        list[str] | None,
        typer.Option(
            "--contender",
            "-c",
            metavar="NAME=MODEL.onnx",
            help="Another model: AdaIN takes the painting, a transformer network its own baked style. May be repeated.",
            show_default=False,
            rich_help_panel=METHODS,
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", help="The network with style vectors: a name or an .onnx file.", rich_help_panel=METHODS
        ),
    ] = BUILT_IN,
    tune: Annotated[
        bool,
        typer.Option(
            "--tune", help="Also fit a style vector to the painting, as `add-style --tune`.", rich_help_panel=METHODS
        ),
    ] = False,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.01, help="Of --tune, at most.", rich_help_panel=METHODS)
    ] = 5.0,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="METHOD",
            help="Leave out optimize, optimize-statistics, optimize-gram-adam ..., named, encoder. May be repeated.",
            show_default=False,
            rich_help_panel=METHODS,
        ),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, rich_help_panel=OPTIMISATION)] = 300,
    optimizing_precision: Annotated[
        OptimizingPrecision,
        typer.Option(
            "--optimizing-precision",
            help="bf16 is faster where the processor has it; may stop gaining after some hundred steps.",
            rich_help_panel=OPTIMISATION,
        ),
    ] = OptimizingPrecision.fp32,
    loss_network: Annotated[
        str | None,
        typer.Option(
            "--loss-network",
            "--weights",
            metavar="FILE|vgg19|vgg16",
            help="The VGG that optimises and judges: torchvision's file, or an .npz. By name, or left out, it is taken "
            "from torch.hub's cache, where it is downloaded to (VGG-19: 548 MB).",
            show_default=False,
        ),
    ] = None,
    side: Annotated[int, typer.Option("--side", min=64, help="Long side of the photograph at most, in pixels.")] = 640,
    time_limit: Annotated[
        float, typer.Option("--time-limit", min=1, help="Seconds after which a method is given up.")
    ] = 14400,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make everything again, in a folder of other things too.")
    ] = False,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold every method against one photograph and one painting: seconds, memory, losses, and the images.

    The built-in network by name, style encoder and tuned vector; the models given with -c; and optimisation with Gram
    and statistics loss, L-BFGS and Adam, minutes each on a CPU. A method that fails is shown as failed and the rest go
    on (exit 1); Ctrl-C writes what there is (exit 130).
    """
    require_torch("comparing", threads)
    from nst_rt.cli.messages import say
    from nst_rt.cli.progress import progress_bar

    from nst_bench.compare import comparison as session

    done = session.compare(
        session.Wanted(
            content=content,
            style=style,
            output=output,
            painting=painting,
            model=model,
            contenders=contender or [],
            without=without or [],
            tune=minutes if tune else None,
            steps=steps,
            loss_network=loss_network,
            side=side,
            device=device,
            precision=precision,
            optimizing_precision=optimizing_precision.value,
            threads=threads,
            time_limit=time_limit,
            anew=overwrite,
        ),
        say,
        progress_bar,
    )
    say(f"{output / 'compare.html'}: {done.painted} of {done.methods} methods; beside it compare.md, "
        "compare.json and compare.jpg")  # fmt: skip
    if as_json:
        typer.echo(json.dumps(done.told, ensure_ascii=False, indent=2))
    if done.interrupted:
        raise typer.Exit(INTERRUPTED)
    if done.failed:
        raise typer.Exit(2 if done.failed == done.methods else 1)
