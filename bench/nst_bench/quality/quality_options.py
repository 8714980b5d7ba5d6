"""The options of `nst-rt bench quality`, for the command line and for Python."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer
from nst_rt.cli.options import OPTIONS
from nst_rt.models.catalog import BUILT_IN

IMAGES, AMOUNT = "Images and contenders", "How much"
QUICK = {"photographs": 3, "named": 3, "held_out": 2, "frames": 12, "flicker_styles": 1}
"""The amounts of a quick run, at most."""


@dataclass(frozen=True, kw_only=True)
class QualityOptions:
    """What `measure_quality` measures; an amount of 0 takes all."""

    content: Annotated[
        Path, typer.Option("--content", help="Folder of photographs.", show_default=False, rich_help_panel=IMAGES)
    ]
    styles: Annotated[
        Path,
        typer.Option(
            "--styles",
            help="Folder with the paintings behind named styles.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ]
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for quality.json, quality.md and the sheets. Its folder `measurements` keeps what a later run "
            "with the same options need not measure again.",
            show_default=False,
        ),
    ]
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            help="Which painting belongs to which style (TOML, one section per style); the built-in table if left out.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = None
    paintings: Annotated[
        Path | None,
        typer.Option(
            "--paintings",
            help="Folder of paintings, some of them held out of the training; style encoders are measured on those.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = None
    held_out_every: Annotated[
        int,
        typer.Option(
            "--held-out-every",
            min=1,
            help="One of this many paintings was held out, as `nst-rt train conditional --hold-out` does; 1: all.",
            rich_help_panel=IMAGES,
        ),
    ] = 10
    model: Annotated[
        str,
        typer.Option("--model", "-m", help="The network to judge: a name or an .onnx file.", rich_help_panel=IMAGES),
    ] = BUILT_IN
    contenders: Annotated[
        list[str],
        typer.Option(
            "--contender",
            "-c",
            help="Another model, NAME=MODEL.onnx; one with a baked style needs its painting: "
            "NAME=MODEL.onnx@PAINTING.jpg. May be repeated.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = field(default_factory=list)
    tuned: Annotated[
        list[str],
        typer.Option(
            "--tuned",
            help="A style of your library (`nst-rt add-style --tune`), NAME=PAINTING, or NAME alone where a measured "
            "painting has that name. May be repeated.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = field(default_factory=list)
    video: Annotated[
        list[Path],
        typer.Option(
            "--video",
            help="A clip, or a folder of clips, for flicker. May be repeated.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = field(default_factory=list)
    flicker_to: Annotated[
        str | None,
        typer.Option(
            "--flicker-to",
            help="The contender whose flicker the others are compared to.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = None
    loss_network: Annotated[
        Path | None,
        typer.Option(
            "--loss-network",
            help="The VGG that judges, as in `nst-rt train`; the one in torch.hub's cache if left out.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = None
    photographs: Annotated[
        int, typer.Option(min=0, help="How many of the folder, evenly spaced; 0 takes all.", rich_help_panel=AMOUNT)
    ] = 20
    side: Annotated[
        int, typer.Option(min=64, help="Larger photographs are reduced to this long side.", rich_help_panel=AMOUNT)
    ] = 480
    named: Annotated[
        int, typer.Option(min=0, help="How many named styles, evenly spaced; 0 takes all.", rich_help_panel=AMOUNT)
    ] = 0
    held_out: Annotated[
        int, typer.Option("--held-out", min=0, help="How many held-out paintings; 0 takes all.", rich_help_panel=AMOUNT)
    ] = 0
    pairs: Annotated[
        int,
        typer.Option(
            min=0,
            help="Photographs per named style that the optimisation method paints too, 500 steps each: minutes per "
            "pair on a CPU. 0 leaves the method out.",
            rich_help_panel=AMOUNT,
        ),
    ] = 1
    reference_precision: Annotated[
        str,
        typer.Option(
            "--reference-precision",
            help="Of the optimisation method: fp32, bf16 (faster if the CPU has it; may stop improving after some "
            "hundred steps) or auto.",
            rich_help_panel=AMOUNT,
        ),
    ] = "fp32"
    reference_style_weight: Annotated[
        float | None,
        typer.Option(
            "--reference-style-weight",
            min=0,
            help="Of the optimisation method, at a content weight of 1; that of `nst-rt optimize` if left out.",
            show_default=False,
            rich_help_panel=AMOUNT,
        ),
    ] = None
    frames: Annotated[
        int, typer.Option(min=0, help="Frames from the middle of each clip; 0 takes all.", rich_help_panel=AMOUNT)
    ] = 60
    flicker_styles: Annotated[
        int,
        typer.Option(
            "--flicker-styles", min=0, help="How many named styles on each clip; 0 takes all.", rich_help_panel=AMOUNT
        ),
    ] = 3
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Minutes in all: 3 photographs, 3 named styles, 2 held-out paintings, 1 pair, 12 frames.",
            rich_help_panel=AMOUNT,
        ),
    ] = False
    device: Annotated[str, OPTIONS["device"]] = "auto"
    threads: Annotated[int | None, OPTIONS["threads"]] = None

    def reduced(self) -> "QualityOptions":
        """With the amounts of a quick run if it is one."""
        if not self.quick:
            return self
        amounts = {name: min(getattr(self, name) or most, most) for name, most in QUICK.items()}
        return replace(self, pairs=min(self.pairs, 1), **amounts)  # type: ignore[arg-type]
