"""`nst-rt bench quality`: how good does it look, in numbers?"""

from pathlib import Path
from typing import Annotated

import typer
from nst_export.pytorch import require_torch
from nst_rt.cli.options import DeviceOption, ThreadsOption
from nst_rt.models.catalog import BUILT_IN

IMAGES, AMOUNT = "Images and contenders", "How much"
QUICK = {"photographs": 3, "named": 3, "held_out": 2, "pairs": 1, "frames": 12, "flicker_styles": 1}
"""What --quick brings the amounts down to."""


def quality(
    content: Annotated[
        Path, typer.Option("--content", help="Folder of photographs.", show_default=False, rich_help_panel=IMAGES)
    ],
    styles: Annotated[
        Path,
        typer.Option(
            "--styles",
            help="Folder with the paintings behind named styles.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for quality.json, quality.md, the sheets and, in `measurements`, what a later run with the "
            "same line need not measure again.",
            show_default=False,
        ),
    ],
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            help="Which painting belongs to which style (TOML, a section a style); that of the built-in styles if "
            "left out.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = None,
    paintings: Annotated[
        Path | None,
        typer.Option(
            "--paintings",
            help="Folder of paintings of which some were held out of training: measured through style encoders.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = None,
    held_out_every: Annotated[
        int,
        typer.Option(
            "--held-out-every",
            min=1,
            help="Every so many-th of them, as `nst-rt train conditional --hold-out` leaves out; 1 measures all.",
            rich_help_panel=IMAGES,
        ),
    ] = 10,
    model: Annotated[
        str,
        typer.Option("--model", "-m", help="The network to judge: a name or an .onnx file.", rich_help_panel=IMAGES),
    ] = BUILT_IN,
    contender: Annotated[
        list[str] | None,
        typer.Option(
            "--contender",
            "-c",
            help="Another model, NAME=MODEL.onnx; one with a baked style needs its painting: "
            "NAME=MODEL.onnx@PAINTING.jpg. May be repeated.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = None,
    tuned: Annotated[
        list[str] | None,
        typer.Option(
            "--tuned",
            help="A style of your library (`nst-rt add-style --tune`), NAME=PAINTING, or NAME alone where a measured "
            "painting has that name. May be repeated.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = None,
    video: Annotated[
        list[Path] | None,
        typer.Option(
            "--video",
            help="A clip, or a folder of clips, for flicker. May be repeated.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = None,
    yardstick: Annotated[
        str | None,
        typer.Option(
            "--flicker-to",
            help="The contender that flicker is also given as a multiple of.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = None,
    loss_network: Annotated[
        Path | None,
        typer.Option(
            "--loss-network",
            help="The VGG that judges, as in `nst-rt train`; the one in torch.hub's cache if left out.",
            show_default=False,
            rich_help_panel=IMAGES,
        ),
    ] = None,
    photographs: Annotated[
        int, typer.Option(min=0, help="So many of the folder, evenly chosen; 0 takes all.", rich_help_panel=AMOUNT)
    ] = 20,
    side: Annotated[
        int, typer.Option(min=64, help="Photographs are brought down to this long side.", rich_help_panel=AMOUNT)
    ] = 480,
    named: Annotated[
        int, typer.Option(min=0, help="So many named styles, evenly chosen; 0 takes all.", rich_help_panel=AMOUNT)
    ] = 0,
    held_out: Annotated[
        int,
        typer.Option("--held-out", min=0, help="So many held-out paintings; 0 takes all.", rich_help_panel=AMOUNT),
    ] = 0,
    pairs: Annotated[
        int,
        typer.Option(
            min=0,
            help="Photographs per named style that the optimisation method paints too, 500 steps each: minutes a pair "
            "on a CPU. 0 leaves the method out.",
            rich_help_panel=AMOUNT,
        ),
    ] = 1,
    reference_precision: Annotated[
        str,
        typer.Option(
            "--reference-precision",
            help="Of the optimisation method: fp32, bf16 (faster where the processor has it; may stop gaining after "
            "some hundred steps) or auto.",
            rich_help_panel=AMOUNT,
        ),
    ] = "fp32",
    reference_style_weight: Annotated[
        float | None,
        typer.Option(
            "--reference-style-weight",
            min=0,
            help="Of the optimisation method, against a content weight of 1; that of `nst-rt optimize` if left out.",
            show_default=False,
            rich_help_panel=AMOUNT,
        ),
    ] = None,
    frames: Annotated[
        int, typer.Option(min=0, help="Frames from the middle of each clip; 0 takes all.", rich_help_panel=AMOUNT)
    ] = 60,
    flicker_styles: Annotated[
        int,
        typer.Option(
            "--flicker-styles", min=0, help="So many named styles on each clip; 0 takes all.", rich_help_panel=AMOUNT
        ),
    ] = 3,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="A look in minutes: 3 photographs, 3 named styles, 2 held-out paintings, 1 pair, 12 frames.",
            rich_help_panel=AMOUNT,
        ),
    ] = False,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Hold networks against paintings, photographs, the optimisation method and each other.

    Writes a table, all raw numbers and contact sheets to a folder. A run that was stopped goes on where it was.
    """
    amounts = {
        "photographs": photographs,
        "named": named,
        "held_out": held_out,
        "pairs": pairs,
        "frames": frames,
        "flicker_styles": flicker_styles,
    }
    if quick:
        amounts = {name: min(amount, QUICK[name]) if amount else QUICK[name] for name, amount in amounts.items()}
        amounts["pairs"] = min(pairs, QUICK["pairs"])
    require_torch("measuring quality", threads)
    from nst_rt.cli.messages import say

    from nst_bench.quality import measurement as session

    session.measure(
        session.Wanted(
            content=content,
            styles=styles,
            table=table,
            paintings=paintings,
            held_out_every=held_out_every,
            model=model,
            contenders=contender or [],
            tuned=tuned or [],
            video=video or [],
            yardstick=yardstick,
            loss_network=loss_network,
            side=side,
            output=output,
            device=device,
            threads=threads,
            most_pairs=1 if quick else None,
            reference_precision=reference_precision,
            reference_style_weight=reference_style_weight,
            **amounts,
        ),
        say,
    )
