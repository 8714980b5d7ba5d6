"""`nst-rt export`: checkpoints to model files. Imports nothing heavy until a command runs."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from nst_rt.cli.options import JsonOption
from nst_rt.jobs.extras import refuse_missing

from nst_export.export_options import ExportOptions
from nst_export.serving.commands import register as register_serving

if TYPE_CHECKING:
    from nst_export.model_files.model_writer import Exported

app = typer.Typer(
    name="export",
    help="Turn trained networks into ONNX models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class PrecisionName(StrEnum):
    """Choices of --precision."""

    fp32 = "fp32"
    fp16 = "fp16"
    both = "both"


OutputOption = Annotated[
    Path,
    typer.Option("--output", "-o", help="The model file, OUT.onnx; with both precisions also OUT.fp16.onnx."),
]
PrecisionOption = Annotated[PrecisionName, typer.Option("--precision", help="fp32 for processors, fp16 for GPUs.")]
StyleNameOption = Annotated[
    str | None, typer.Option("--style-name", help="What the style is called; OUT if left out.", show_default=False)
]
PhotographsOption = Annotated[
    Path | None,
    typer.Option(
        "--photographs", help="Folder of images to check the export on; drawn ones if left out.", show_default=False
    ),
]
LicenseOption = Annotated[str, typer.Option("--license", help="Licence of the weights, for the model's record.")]
NoControlsOption = Annotated[
    bool, typer.Option("--no-controls", help="Leave out the inputs `strength` and `color`: the leanest graph.")
]
OverwriteOption = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace files that exist; where OUT.fp16.onnx, OUT.int8.onnx, OUT.encoder.onnx or OUT.styles.json of "
        "another network would stay beside the new model, remove it.",
    ),
]


@app.command()
def transformer(
    checkpoint: Annotated[Path, typer.Argument(help="A fast_neural_style state dict, of any width.")],
    output: OutputOption,
    precision: PrecisionOption = PrecisionName.both,
    style_name: StyleNameOption = None,
    photographs: PhotographsOption = None,
    license: LicenseOption = "unknown",
    no_controls: NoControlsOption = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """A transformer network (Johnson et al. 2016): one style, baked in."""
    try:
        from nst_export.families.transformer_export import export_transformer
    except ModuleNotFoundError as error:
        refuse_missing(error, "exporting")
    _show(
        export_transformer(
            checkpoint,
            output,
            ExportOptions(
                precision=precision.value,
                style_name=style_name or "",
                photographs=photographs,
                license=license,
                controls=not no_controls,
                overwrite=overwrite,
            ),
        ),
        as_json,
    )


@app.command()
def adain(
    encoder: Annotated[Path, typer.Option("--encoder", help="VGG encoder: vgg_normalised.pth or a cut one.")],
    decoder: Annotated[Path, typer.Option("--decoder", help="The decoder that was trained with it.")],
    output: OutputOption,
    precision: PrecisionOption = PrecisionName.both,
    photographs: PhotographsOption = None,
    license: LicenseOption = "unknown",
    no_controls: NoControlsOption = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """AdaIN (Huang & Belongie 2017): any painting; also writes the style encoder, OUT.encoder.onnx."""
    try:
        from nst_export.families.adain_export import export_adain
    except ModuleNotFoundError as error:
        refuse_missing(error, "exporting")
    _show(
        export_adain(
            encoder,
            decoder,
            output,
            ExportOptions(
                precision=precision.value,
                photographs=photographs,
                license=license,
                controls=not no_controls,
                overwrite=overwrite,
            ),
        ),
        as_json,
    )


@app.command()
def adaptive(
    checkpoint: Annotated[
        Path,
        typer.Argument(help="A TensorFlow checkpoint: NAME of NAME.index, or its folder; or an .npz of its variables."),
    ],
    output: OutputOption,
    precision: PrecisionOption = PrecisionName.both,
    style_name: StyleNameOption = None,
    photographs: PhotographsOption = None,
    license: LicenseOption = "unknown",
    no_controls: NoControlsOption = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Adaptive style transfer (Sanakoyeu et al. 2018): one artist, baked in."""
    try:
        from nst_export.families.adaptive_export import export_adaptive
    except ModuleNotFoundError as error:
        refuse_missing(error, "exporting")
    _show(
        export_adaptive(
            checkpoint,
            output,
            ExportOptions(
                precision=precision.value,
                style_name=style_name or "",
                photographs=photographs,
                license=license,
                controls=not no_controls,
                overwrite=overwrite,
            ),
        ),
        as_json,
    )


@app.command()
def conditional(
    weights: Annotated[Path, typer.Argument(help="conditional.pt or checkpoint.pt of `nst-rt train conditional`.")],
    output: OutputOption,
    precision: PrecisionOption = PrecisionName.both,
    leave_out: Annotated[
        list[str] | None, typer.Option("--leave-out", help="A style that is not to come along; may be repeated.")
    ] = None,
    photographs: PhotographsOption = None,
    license: LicenseOption = "unknown",
    no_controls: NoControlsOption = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """A conditional network (Dumoulin et al. 2017): many named styles; writes OUT.styles.json beside it."""
    try:
        from nst_export.families.conditional_export import export_conditional
    except ModuleNotFoundError as error:
        refuse_missing(error, "exporting")
    _show(
        export_conditional(
            weights,
            output,
            ExportOptions(
                precision=precision.value,
                photographs=photographs,
                license=license,
                controls=not no_controls,
                overwrite=overwrite,
            ),
            leave_out=leave_out or [],
        ),
        as_json,
    )


@app.command()
def int8(
    model: Annotated[
        str, typer.Argument(help="The fp32 .onnx file of a stylising network, as exported, or a model's name.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="NAME.int8.onnx; if left out beside MODEL's file, of a model's name in the working folder. Elsewhere "
            "than beside MODEL, its NAME.styles.json and NAME.encoder.onnx are copied along.",
            show_default=False,
        ),
    ] = None,
    photographs: Annotated[
        Path | None,
        typer.Option(
            "--photographs",
            help="Folder of images to calibrate and to check on; drawn ones if left out.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace files that exist; remove those of another network that would be used with it."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Quantise an exported model for processors.

    Beside its model, `--precision int8` uses it; anywhere else, `--model NAME.int8.onnx`.
    """
    try:
        from nst_export.model_files.export_targets import INT8
        from nst_export.model_files.model_reader import model_and_output
        from nst_export.quantization.export import export_int8
    except ModuleNotFoundError as error:
        refuse_missing(error, "exporting")
    source, output = model_and_output(model, output, INT8)
    quantised = export_int8(source, output, photographs=photographs, overwrite=overwrite)
    _show((quantised.file,), as_json, against=source.name, companions=quantised.companions)
    weakest = f"; the weakest style is {quantised.weakest_style}" if quantised.weakest_style else ""
    typer.echo(
        f"  {quantised.convolutions} convolutions in int8, in fp32 {', '.join(quantised.left_out)}{weakest}", err=True
    )


register_serving(app)


def _show(
    exported: "tuple[Exported, ...]",
    as_json: bool,
    against: str = "PyTorch float32",
    companions: tuple[Path, ...] = (),
) -> None:
    from nst_export.parity.parity import parity_table

    for entry in exported:
        megabytes = entry.path.stat().st_size / 1e6
        heading = f"{entry.path} ({entry.record.precision}, {megabytes:.1f} MB)"
        typer.echo(parity_table(heading, entry.record.parity, entry.record.parity_images, against), err=True)
    for path in companions:
        typer.echo(f"{path}: copied along", err=True)
    if as_json:
        records = [{"file": str(entry.path), **asdict(entry.record)} for entry in exported]
        copied = {"companions": [str(path) for path in companions]} if companions else {}
        typer.echo(json.dumps({"models": records, **copied}))
