"""`nst-rt optimize`: one photograph repainted by optimising its pixels. Imports nothing heavy until it runs."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from nst_export.pytorch import require_torch
from nst_rt.cli.options import OPTIONS, JsonOption, loss_network_option, output_option
from nst_rt.errors import INTERRUPTED

from nst_train import train_options as options

STARTS = ("content", "noise")
DIVERGED = 1


class StyleLossName(StrEnum):
    """Choices of --style-loss."""

    gram = "gram"
    statistics = "statistics"


class OptimizerName(StrEnum):
    """Choices of --optimizer."""

    lbfgs = "lbfgs"
    adam = "adam"


def optimize(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The photograph.", show_default=False)],
    style: Annotated[
        list[str],
        typer.Argument(
            metavar="STYLE...",
            help="Paintings; several as A.jpg B.jpg, weighted as A.jpg:0.7 B.jpg:0.3 or A.jpg:0.7+B.jpg:0.3.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        output_option("The image; photo.STYLE.jpg beside photo.jpg if left out.", metavar="FILE|FOLDER"),
    ] = None,
    weights: Annotated[
        str | None,
        loss_network_option(
            "The VGG that judges: torchvision's file, or an .npz. By name, or left out, it is taken from "
            "torch.hub's cache, where it is downloaded to (VGG-19: 548 MB).",
            options.LOSS,
        ),
    ] = None,
    content_layer: options.ContentLayerOption = "relu3_1",
    style_layers: options.StyleLayersOption = "relu1_1,relu2_1,relu3_1",
    style_loss: Annotated[
        StyleLossName,
        typer.Option(
            "--style-loss",
            help="What a style is: Gram matrices, or the channels' means and deviations.",
            rich_help_panel=options.LOSS,
        ),
    ] = StyleLossName.gram,
    style_weight: Annotated[
        float | None,
        typer.Option("--style-weight", min=0, help="10 if left out.", show_default=False, rich_help_panel=options.LOSS),
    ] = None,
    content_weight: Annotated[
        float | None,
        typer.Option(
            "--content-weight", min=0, help="1 if left out.", show_default=False, rich_help_panel=options.LOSS
        ),
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option(
            "--ratio",
            min=0,
            help="Style to content, instead of the two weights. Both losses are relative, 1 where nothing agrees: 1 "
            "is a hint of the style, 10 all of it, from 100 on the photograph dissolves.",
            show_default=False,
            rich_help_panel=options.LOSS,
        ),
    ] = None,
    variation_weight: options.VariationWeightOption = 5.0,
    scales: options.ScalesOption = 3,
    optimizer: Annotated[
        OptimizerName, typer.Option("--optimizer", help="lbfgs gets there in fewer steps.", rich_help_panel=options.RUN)
    ] = OptimizerName.lbfgs,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", min=1e-6, help="Of adam.", rich_help_panel=options.RUN)
    ] = 0.02,
    start: Annotated[
        str,
        typer.Option(
            "--start",
            metavar="content|noise|IMAGE",
            help="What the first step finds: the photograph, noise, or an image that is to be finished.",
            rich_help_panel=options.RUN,
        ),
    ] = "content",
    steps: Annotated[
        int,
        typer.Option("--steps", min=1, help="Over all sizes; the coarse ones get most.", rich_help_panel=options.RUN),
    ] = 300,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the noise.", rich_help_panel=options.RUN)] = 7,
    size: Annotated[
        int | None, typer.Option("--size", min=64, help="Scale down to at most this many pixels on the long side.")
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(
            "--sizes",
            help="Coarse to fine: long sides in pixels, the last one the result's, like 480,960,1920. If left out, "
            "images over 640 px begin at a half, a quarter ... of their size.",
            show_default=False,
        ),
    ] = None,
    style_size: Annotated[
        int | None,
        typer.Option(
            "--style-size",
            min=64,
            help="Bring paintings to this long side, in pixels: larger makes larger strokes. If left out 640, or the "
            "image's size where that is larger and the painting has it.",
            show_default=False,
        ),
    ] = None,
    color: Annotated[float, OPTIONS["color"]] = 1.0,
    match_colors: Annotated[str, OPTIONS["match_colors"]] = "none",
    process: Annotated[
        int | None,
        typer.Option(
            "--process",
            metavar="N",
            min=1,
            help="Show how it came about, every N steps: images in OUT.process/, OUT.process.jpg, OUT.process.mp4.",
            show_default=False,
        ),
    ] = None,
    quality: Annotated[int, typer.Option("--quality", min=1, max=100, help="Of JPEG and WebP.")] = 95,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    device: options.DeviceOption = "auto",
    precision: options.PrecisionOption = "auto",
    threads: options.ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Repaint a photograph by optimising its pixels (Gatys et al. 2016): slow, and with any painting and any layers.

    Minutes on a CPU, seconds on a GPU. Ctrl-C writes the image as far as it is (exit 130).
    """
    require_torch("optimising", threads)
    from nst_rt.errors import InputError, OutputError
    from nst_rt.files.atomic import refuse_unwritable
    from nst_rt.files.naming import style_tag
    from nst_rt.jobs.image_paths import STREAM, plan_one
    from nst_rt.media.images.image_reader import read_image
    from nst_rt.media.images.image_writer import SUFFIXES, check_suffix
    from nst_rt.styles.color_matching import ColorMatching, check_method

    from nst_train.data.images import read_rgb
    from nst_train.loop.hardware import choose_hardware
    from nst_train.loop.progress import choose_reporter
    from nst_train.optimization.colors import check_color
    from nst_train.optimization.layers import parse_layers
    from nst_train.optimization.optimization_run import Run
    from nst_train.optimization.paintings import read_painting
    from nst_train.optimization.process import ProcessRecord
    from nst_train.optimization.sizes import automatic_sizes, parse_sizes
    from nst_train.optimization.transfer import TransferSettings
    from nst_train.perceptual.loss_network import load_loss_network
    from nst_train.perceptual.loss_network_download import obtain_loss_network

    check_color(color)
    check_method(match_colors)
    paintings = _named_paintings(style)
    if STREAM in (content, output):
        raise OutputError("- is not for this command, which takes minutes. Name files")
    if size is not None and sizes is not None:
        raise InputError("--size and --sizes: the last of --sizes is the result's size. Give one of the two")
    photograph = read_image(content)
    if size is not None:
        photograph = photograph.shrunk(size)
    side = max(photograph.size)
    chosen = parse_sizes(sizes, side) if sizes is not None else automatic_sizes(side)
    by_style, by_content = _weights(ratio, style_weight, content_weight)
    settings = TransferSettings(
        content_layer=content_layer,
        style_layers=parse_layers(style_layers),
        style_loss=style_loss.value,
        scales=scales,
        style_weight=by_style,
        content_weight=by_content,
        variation_weight=variation_weight,
        optimizer=optimizer.value,
        learning_rate=learning_rate,
        start="noise" if start == "noise" else "content",
        steps=steps,
        sizes=chosen,
        seed=seed,
    )
    photograph = photograph.shrunk(chosen[-1])
    matching = ColorMatching.to_image(photograph.bgr, match_colors)
    styles = [(read_painting(path, chosen[-1], style_size, matching), weight) for path, weight in paintings.items()]
    begin_with = None if start in STARTS else read_rgb(Path(start))
    tag = style_tag("+".join(path.stem for path in paintings))
    target = plan_one(content, output, tag, None, SUFFIXES, overwrite=overwrite).target
    check_suffix(target.suffix, str(target))
    refuse_unwritable(target)
    record = ProcessRecord(target, process, overwrite=overwrite) if process else None
    reporter = choose_reporter()
    network_file = obtain_loss_network(weights, reporter.note)
    run = Run(
        photograph=photograph,
        styles=styles,
        network=load_loss_network(network_file),
        settings=settings,
        hardware=choose_hardware(device, precision),
        reporter=reporter,
        begin_with=begin_with,
        color=color,
        record=record,
    )
    done, told = run.write(target, quality)
    if as_json:
        asked = {
            "content": str(content),
            "styles": {str(path): weight for path, weight in paintings.items()},
            "weights": str(network_file),
            "match_colors": match_colors,
            "settings": asdict(settings) | {"start": start},
        }
        typer.echo(json.dumps(asked | told, ensure_ascii=False, indent=2))
    if code := {"interrupted": INTERRUPTED, "diverged": DIVERGED}.get(done.stopped):
        raise typer.Exit(code)


def _named_paintings(arguments: list[str]) -> dict[Path, float]:
    """Weights by file; a painting that is named twice counts twice."""
    from nst_rt.styles.blends import parse_terms

    found: dict[Path, float] = {}
    for argument in arguments:
        for term in parse_terms(argument):
            path = Path(term.name)
            found[path] = found.get(path, 0.0) + term.weight
    return found


def _weights(ratio: float | None, style: float | None, content: float | None) -> tuple[float, float]:
    """Of style and content, however they were given."""
    from nst_rt.errors import InputError

    from nst_train.optimization.transfer import TransferSettings

    if ratio is not None:
        if style is not None or content is not None:
            raise InputError("--ratio stands for --style-weight and --content-weight. Give it, or those")
        return ratio, 1.0
    return (
        TransferSettings.style_weight if style is None else style,
        TransferSettings.content_weight if content is None else content,
    )
