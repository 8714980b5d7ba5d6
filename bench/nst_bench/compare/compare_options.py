"""The options of `nst-rt compare`, for the command line and for Python."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from nst_rt.cli.option_fields import option
from nst_rt.cli.options import OPTIONS, loss_network_option, output_option
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

    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The photograph.")]
    style: Annotated[
        str, typer.Argument(metavar="STYLE", help="A painting; or a style's name, and its painting with --painting.")
    ]
    output: Annotated[
        Path,
        output_option(
            "For compare.html, compare.md, compare.json, the sheet compare.jpg and the images. The same command "
            "again makes what is missing or has changed.",
            metavar="FOLDER",
        ),
    ]
    painting: Annotated[Path | None, option("--painting -p", "The painting behind a style that is given by name.")] = (
        None
    )
    contenders: Annotated[
        list[str],
        option(
            "--contender -c",
            "Another model: AdaIN takes the painting, a transformer network its own baked style. May be repeated.",
            panel=METHODS,
            metavar="NAME=MODEL.onnx",
        ),
    ] = field(default_factory=list)
    model: Annotated[
        str, option("--model -m", "The network with style vectors: a name or an .onnx file.", panel=METHODS)
    ] = BUILT_IN
    tune: Annotated[
        bool, option("--tune", "Also fit a style vector to the painting, as `add-style --tune`.", panel=METHODS)
    ] = False
    minutes: Annotated[float, option("--minutes", "Of --tune, at most.", panel=METHODS, min=0.01)] = 5.0
    without: Annotated[
        list[str],
        option(
            "--without",
            "Leave out optimize, optimize-statistics, optimize-gram-adam ..., named, encoder. May be repeated.",
            panel=METHODS,
            metavar="METHOD",
        ),
    ] = field(default_factory=list)
    steps: Annotated[int, option("--steps", panel=OPTIMISATION, min=1)] = 300
    optimizing_precision: Annotated[
        OptimizingPrecision,
        option(
            "--optimizing-precision",
            "bf16 is faster if the CPU has it; it may stop improving after some hundred steps.",
            panel=OPTIMISATION,
        ),
    ] = OptimizingPrecision.fp32
    loss_network: Annotated[
        str | None,
        loss_network_option(
            "The VGG that optimises and judges: torchvision's file, or an .npz. By name, or left out, it is taken "
            "from torch.hub's cache, and downloaded to it if it is missing (VGG-19: 548 MB)."
        ),
    ] = None
    side: Annotated[int, option("--side", "Long side of the photograph at most, in pixels.", min=64)] = 640
    time_limit: Annotated[float, option("--time-limit", "Seconds after which a method is stopped.", min=1)] = 14400
    overwrite: Annotated[
        bool, option("--overwrite", "Make everything again, also in a folder that holds other files.")
    ] = False
    device: Annotated[str, OPTIONS["device"]] = "auto"
    precision: Annotated[str, OPTIONS["precision"]] = "auto"
    threads: Annotated[int | None, OPTIONS["threads"]] = None
