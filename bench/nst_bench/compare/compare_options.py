"""The options of `nst-rt compare`, for the command line and for Python."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from nst_rt.cli.options import OPTIONS
from nst_rt.models.catalog import BUILT_IN

METHODS, OPTIMISATION = "Methods", "Optimisation"


class OptimizingPrecision(StrEnum):
    """The precisions that PyTorch optimises in."""

    fp32 = "fp32"
    bf16 = "bf16"
    auto = "auto"


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """What `compare_methods` compares."""

    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The photograph.", show_default=False)]
    style: Annotated[
        str,
        typer.Argument(
            metavar="STYLE",
            help="A painting; or a style's name, and its painting with --painting.",
            show_default=False,
        ),
    ]
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="For compare.html, compare.md, compare.json, the sheet compare.jpg and the images. The same command "
            "again makes what is missing or has changed.",
            show_default=False,
        ),
    ]
    painting: Annotated[
        Path | None,
        typer.Option("--painting", "-p", help="The painting behind a style that is given by name.", show_default=False),
    ] = None
    contenders: Annotated[
        list[str],
        typer.Option(
            "--contender",
            "-c",
            metavar="NAME=MODEL.onnx",
            help="Another model: AdaIN takes the painting, a transformer network its own baked style. May be repeated.",
            show_default=False,
            rich_help_panel=METHODS,
        ),
    ] = field(default_factory=list)
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", help="The network with style vectors: a name or an .onnx file.", rich_help_panel=METHODS
        ),
    ] = BUILT_IN
    tune: Annotated[
        bool,
        typer.Option(
            "--tune", help="Also fit a style vector to the painting, as `add-style --tune`.", rich_help_panel=METHODS
        ),
    ] = False
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.01, help="Of --tune, at most.", rich_help_panel=METHODS)
    ] = 5.0
    without: Annotated[
        list[str],
        typer.Option(
            "--without",
            metavar="METHOD",
            help="Leave out optimize, optimize-statistics, optimize-gram-adam ..., named, encoder. May be repeated.",
            show_default=False,
            rich_help_panel=METHODS,
        ),
    ] = field(default_factory=list)
    steps: Annotated[int, typer.Option("--steps", min=1, rich_help_panel=OPTIMISATION)] = 300
    optimizing_precision: Annotated[
        OptimizingPrecision,
        typer.Option(
            "--optimizing-precision",
            help="bf16 is faster if the CPU has it; it may stop improving after some hundred steps.",
            rich_help_panel=OPTIMISATION,
        ),
    ] = OptimizingPrecision.fp32
    loss_network: Annotated[
        str | None,
        typer.Option(
            "--loss-network",
            "--weights",
            metavar="FILE|vgg19|vgg16",
            help="The VGG that optimises and judges: torchvision's file, or an .npz. By name, or left out, it is taken "
            "from torch.hub's cache, and downloaded to it if it is missing (VGG-19: 548 MB).",
            show_default=False,
        ),
    ] = None
    side: Annotated[int, typer.Option("--side", min=64, help="Long side of the photograph at most, in pixels.")] = 640
    time_limit: Annotated[
        float, typer.Option("--time-limit", min=1, help="Seconds after which a method is stopped.")
    ] = 14400
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make everything again, also in a folder that holds other files.")
    ] = False
    device: Annotated[str, OPTIONS["device"]] = "auto"
    precision: Annotated[str, OPTIONS["precision"]] = "auto"
    threads: Annotated[int | None, OPTIONS["threads"]] = None
