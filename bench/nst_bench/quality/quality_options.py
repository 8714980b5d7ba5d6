"""The options of `nst-rt bench quality`, for the command line and for Python."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from nst_rt.cli.option_fields import option
from nst_rt.cli.options import OPTIONS
from nst_rt.models.catalog import BUILT_IN
from typer.models import OptionInfo

IMAGES, AMOUNT = "Images and contenders", "How much"
QUICK = {"photographs": 3, "named": 3, "held_out": 2, "frames": 12, "flicker_styles": 1}
"""The amounts of a quick run, at most."""


def amount(flags: str, help: str) -> OptionInfo:
    """The option of how many are taken; 0 takes all."""
    return option(flags, f"{help}; 0 takes all.", panel=AMOUNT, min=0)


@dataclass(frozen=True, kw_only=True)
class QualityOptions:
    """What `measure_quality` measures; an amount of 0 takes all."""

    content: Annotated[Path, option("--content", "Folder of photographs.", panel=IMAGES)]
    styles: Annotated[Path, option("--styles", "Folder with the paintings behind named styles.", panel=IMAGES)]
    output: Annotated[
        Path,
        option(
            "--output -o",
            "Folder for quality.json, quality.md and the sheets. Its folder `measurements` keeps what a later run "
            "with the same options need not measure again.",
        ),
    ]
    table: Annotated[
        Path | None,
        option(
            "--table",
            "Which painting belongs to which style (TOML, one section per style); the built-in table if left out.",
            panel=IMAGES,
        ),
    ] = None
    paintings: Annotated[
        Path | None,
        option(
            "--paintings",
            "Folder of paintings, some of them held out of the training; style encoders are measured on those.",
            panel=IMAGES,
        ),
    ] = None
    held_out_every: Annotated[
        int,
        option(
            "--held-out-every",
            "One of this many paintings was held out, as `nst-rt train conditional --hold-out` does; 1: all.",
            panel=IMAGES,
            min=1,
        ),
    ] = 10
    model: Annotated[str, option("--model -m", "The network to judge: a name or an .onnx file.", panel=IMAGES)] = (
        BUILT_IN
    )
    contenders: Annotated[
        list[str],
        option(
            "--contender -c",
            "Another model, NAME=MODEL.onnx; one with a baked style needs its painting: "
            "NAME=MODEL.onnx@PAINTING.jpg. May be repeated.",
            panel=IMAGES,
        ),
    ] = field(default_factory=list)
    tuned: Annotated[
        list[str],
        option(
            "--tuned",
            "A style of your library (`nst-rt add-style --tune`), NAME=PAINTING, or NAME alone where a measured "
            "painting has that name. May be repeated.",
            panel=IMAGES,
        ),
    ] = field(default_factory=list)
    video: Annotated[
        list[Path], option("--video", "A clip, or a folder of clips, for flicker. May be repeated.", panel=IMAGES)
    ] = field(default_factory=list)
    flicker_to: Annotated[
        str | None, option("--flicker-to", "The contender whose flicker the others are compared to.", panel=IMAGES)
    ] = None
    loss_network: Annotated[
        Path | None,
        option(
            "--loss-network",
            "The VGG that judges, as in `nst-rt train`; the one in torch.hub's cache if left out.",
            panel=IMAGES,
        ),
    ] = None
    photographs: Annotated[int, amount("--photographs", "How many of the folder, evenly spaced")] = 20
    side: Annotated[
        int, option("--side", "Larger photographs are reduced to this long side.", panel=AMOUNT, min=64)
    ] = 480
    named: Annotated[int, amount("--named", "How many named styles, evenly spaced")] = 0
    held_out: Annotated[int, amount("--held-out", "How many held-out paintings")] = 0
    pairs: Annotated[
        int,
        option(
            "--pairs",
            "Photographs per named style that the optimisation method paints too, 500 steps each: minutes per "
            "pair on a CPU. 0 leaves the method out.",
            panel=AMOUNT,
            min=0,
        ),
    ] = 1
    reference_precision: Annotated[
        str,
        option(
            "--reference-precision",
            "Of the optimisation method: fp32, bf16 (faster if the CPU has it; may stop improving after some "
            "hundred steps) or auto.",
            panel=AMOUNT,
        ),
    ] = "fp32"
    reference_style_weight: Annotated[
        float | None,
        option(
            "--reference-style-weight",
            "Of the optimisation method, at a content weight of 1; that of `nst-rt optimize` if left out.",
            panel=AMOUNT,
            min=0,
        ),
    ] = None
    frames: Annotated[int, amount("--frames", "Frames from the middle of each clip")] = 60
    flicker_styles: Annotated[int, amount("--flicker-styles", "How many named styles on each clip")] = 3
    quick: Annotated[
        bool,
        option(
            "--quick",
            "Minutes in all: 3 photographs, 3 named styles, 2 held-out paintings, 1 pair, 12 frames.",
            panel=AMOUNT,
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
