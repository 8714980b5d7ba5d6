"""`nst-rt export`: checkpoints to model files, and model files to other forms.

Nothing heavy is imported until a command runs.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from operator import not_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from nst_rt.cli.frame_options import parse_sides
from nst_rt.cli.messages import say
from nst_rt.cli.option_fields import Command, Given, option, option_fields
from nst_rt.cli.options import OPTIONS as STYLIZER_OPTIONS
from nst_rt.cli.options import JsonOption
from nst_rt.jobs.extras import refuse_missing
from typer.models import OptionInfo

from nst_export.export_options import ExportOptions
from nst_export.serving.triton_options import TritonOptions

if TYPE_CHECKING:
    from nst_export.model_files.model_writer import Exported

app = typer.Typer(
    name="export",
    help="Turn trained networks into ONNX models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Precision(StrEnum):
    """Choices of --precision."""

    fp32 = "fp32"
    fp16 = "fp16"
    both = "both"


OPTIONS: dict[str, OptionInfo] = {
    "precision": option("--precision", "fp32 for CPUs, fp16 for GPUs."),
    "style_name": option("--style-name", "The style's name; the output's name if left out.", show_default=False),
    "photographs": option(
        "--photographs", "Folder of images to check the export on; drawn ones if left out.", show_default=False
    ),
    "license": option("--license", "Licence of the weights, for the model's record."),
    "controls": option("--no-controls", "Leave out the inputs `strength` and `color`: a little faster."),
    "overwrite": option(
        "--overwrite", "Replace files that exist, and remove files of another network that would be used with it."
    ),
}
"""Flags and help of the fields of `ExportOptions`."""

TRITON_OPTIONS: dict[str, OptionInfo] = {
    "variants": option(
        "--variant",
        "Where the server runs the network; may be repeated, and clients get the first; cpu if left out.",
        show_default=False,
    ),
    "size": option("--size", "Serve only frames of this size; tensorrt needs it.", metavar="WxH", show_default=False),
    "precision": option("--precision", "auto: fp16 on GPUs if there is such a file, else fp32."),
    "max_batch": option("--max-batch", "Frames of one size that run together.", min=1),
    "queue_delay": option("--queue-delay", "How long a frame may wait for others to join it.", min=0, metavar="MS"),
    "instances": option("--instances", "Copies of the network, on each GPU or on the CPU.", min=1),
    "threads": option("--threads", "CPU threads of each instance; 0 is one for each core.", min=0),
    "name": option("--name", "The model's name for clients; its file's name if left out."),
    "storage_uri": option(
        "--storage-uri", "Where KServe finds the repository; pvc://nst-rt/DIR if left out.", show_default=False
    ),
    "overwrite": option("--overwrite", "Replace what an earlier export wrote for this model; keep everything else."),
}
"""Flags and help of the fields of `TritonOptions`."""

OutputOption = Annotated[
    Path, option("--output -o", "The model file, OUT.onnx; with both precisions also OUT.fp16.onnx.")
]


class Variant(StrEnum):
    """Choices of --variant."""

    cpu = "cpu"
    openvino = "openvino"
    cuda = "cuda"
    tensorrt = "tensorrt"


class ServedPrecision(StrEnum):
    """Choices of --precision for servers."""

    auto = "auto"
    fp32 = "fp32"
    fp16 = "fp16"
    int8 = "int8"


class Target(StrEnum):
    """Choices of --target."""

    any = "any"
    arm = "arm"
    amd64 = "amd64"


def _export_options(*names: str) -> Callable[[Command], Command]:
    """Options for these fields of `ExportOptions`, in the place of a command's parameter `options`."""
    given = {"precision": Given(Precision, Precision.both, str), "controls": Given(bool, False, not_)}
    return option_fields(ExportOptions, OPTIONS, names, given=given)


def _triton_options(*names: str) -> Callable[[Command], Command]:
    """The same for fields of `TritonOptions`."""
    given = {
        "variants": Given(list[Variant] | None, None, lambda variants: tuple(map(str, variants or [Variant.cpu]))),
        "size": Given(str | None, None, _height_and_width),
        "precision": Given(ServedPrecision, ServedPrecision.auto, str),
    }
    return option_fields(TritonOptions, TRITON_OPTIONS, names, given=given)


def _height_and_width(size: str | None) -> tuple[int, int] | None:
    if size is None:
        return None
    width, height = parse_sides(size)
    return height, width


def _made_output(name: str) -> OptionInfo:
    """The output option of a command that makes a file of a model."""
    return option(
        "--output -o",
        f"{name}; if left out, beside MODEL, or in the working folder if MODEL is a name. In another folder than "
        "MODEL, its NAME.styles.json and NAME.encoder.onnx are copied too.",
        show_default=False,
    )


@contextmanager
def _exporting() -> Iterator[None]:
    """Around imports of modules that need the extra `export`.

    Raises:
        DependencyError: a package of it is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        refuse_missing(error, "exporting")


@app.command()
@_export_options("precision", "style_name", "photographs", "license", "controls", "overwrite")
def transformer(
    checkpoint: Annotated[Path, typer.Argument(help="A fast_neural_style state dict, of any width.")],
    output: OutputOption,
    options: ExportOptions,
    as_json: JsonOption = False,
) -> None:
    """A transformer network (Johnson et al. 2016): one style, baked in."""
    with _exporting():
        from nst_export.families.transformer_export import export_transformer
    _show(export_transformer(checkpoint, output, options), as_json)


@app.command()
@_export_options("precision", "photographs", "license", "controls", "overwrite")
def adain(
    encoder: Annotated[Path, option("--encoder", "VGG encoder: vgg_normalised.pth or a cut one.")],
    decoder: Annotated[Path, option("--decoder", "The decoder that was trained with it.")],
    output: OutputOption,
    options: ExportOptions,
    as_json: JsonOption = False,
) -> None:
    """AdaIN (Huang & Belongie 2017): any painting; also writes the style encoder, OUT.encoder.onnx."""
    with _exporting():
        from nst_export.families.adain_export import export_adain
    _show(export_adain(encoder, decoder, output, options), as_json)


@app.command()
@_export_options("precision", "style_name", "photographs", "license", "controls", "overwrite")
def adaptive(
    checkpoint: Annotated[
        Path,
        typer.Argument(help="A TensorFlow checkpoint: NAME of NAME.index, or its folder; or an .npz of its variables."),
    ],
    output: OutputOption,
    options: ExportOptions,
    as_json: JsonOption = False,
) -> None:
    """Adaptive style transfer (Sanakoyeu et al. 2018): one artist, baked in."""
    with _exporting():
        from nst_export.families.adaptive_export import export_adaptive
    _show(export_adaptive(checkpoint, output, options), as_json)


@app.command()
@_export_options("precision", "photographs", "license", "controls", "overwrite")
def conditional(
    weights: Annotated[Path, typer.Argument(help="conditional.pt or checkpoint.pt of `nst-rt train conditional`.")],
    output: OutputOption,
    options: ExportOptions,
    leave_out: Annotated[list[str] | None, option("--leave-out", "A style to leave out; may be repeated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """A conditional network (Dumoulin et al. 2017): many named styles; writes OUT.styles.json beside it."""
    with _exporting():
        from nst_export.families.conditional_export import export_conditional
    _show(export_conditional(weights, output, options, leave_out=leave_out or []), as_json)


@app.command()
def int8(
    model: Annotated[str, typer.Argument(help="The exported fp32 .onnx file of a network, or a model's name.")],
    output: Annotated[Path | None, _made_output("NAME.int8.onnx")] = None,
    photographs: Annotated[
        Path | None, option("--photographs", "Folder of images to calibrate and to check on; drawn ones if left out.")
    ] = None,
    overwrite: Annotated[bool, OPTIONS["overwrite"]] = False,
    as_json: JsonOption = False,
) -> None:
    """Quantise an exported model for CPUs.

    If the file lies beside its model, `--precision int8` uses it; anywhere else, `--model NAME.int8.onnx`.
    """
    with _exporting():
        from nst_export.model_files.export_targets import INT8
        from nst_export.model_files.model_reader import model_and_output
        from nst_export.quantization.export import export_int8
    source, output = model_and_output(model, output, INT8)
    quantised = export_int8(source, output, photographs=photographs, overwrite=overwrite)
    _show((quantised.file,), as_json, against=source.name, companions=quantised.companions)
    weakest = f"; the weakest style is {quantised.weakest_style}" if quantised.weakest_style else ""
    say(f"  {quantised.convolutions} convolutions in int8, in fp32 {', '.join(quantised.left_out)}{weakest}")


@app.command()
@_triton_options(*TRITON_OPTIONS)
def triton(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The model repository; created if it does not exist.")],
    *,
    model: Annotated[str | None, STYLIZER_OPTIONS["model"]] = None,
    options: TritonOptions,
    as_json: JsonOption = False,
) -> None:
    """A model repository for NVIDIA Triton, and KServe's manifest. docs/embedding/model-servers.md shows both."""
    with _exporting():
        from nst_export.serving.repository import export_triton
    written = export_triton(folder, model, options)
    for entry in written.entries:
        say(f"{written.folder / entry.name}: {f'made of {entry.source}' if entry.source else 'for clients'}")
    say(f"tritonserver --model-repository {written.folder.absolute()}")
    if as_json:
        typer.echo(json.dumps(written.to_json()))


@app.command()
def ort(
    model: Annotated[str, typer.Argument(help="An exported .onnx file, also a style encoder, or a model's name.")],
    output: Annotated[Path | None, _made_output("NAME.ort")] = None,
    target: Annotated[
        Target, option("--target", "CPUs that it is optimised for; amd64 files run on no others.")
    ] = Target.any,
    photographs: Annotated[Path | None, OPTIONS["photographs"]] = None,
    overwrite: Annotated[bool, OPTIONS["overwrite"]] = False,
    as_json: JsonOption = False,
) -> None:
    """A model in ONNX Runtime's own format, and the list of operators that a reduced build of it needs."""
    with _exporting():
        from nst_rt.models.catalog import ORT_SUFFIX

        from nst_export.model_files.model_reader import model_and_output
        from nst_export.parity.parity import parity_table
        from nst_export.parity.sample_images import origin_of
        from nst_export.serving.ort_format import export_ort
    source, output = model_and_output(model, output, ORT_SUFFIX)
    written = export_ort(source, output, target=target.value, photographs=photographs, overwrite=overwrite)
    megabytes = written.model.stat().st_size / 1e6
    heading = f"{written.model} ({written.record.precision}, {megabytes:.1f} MB)"
    say(parity_table(heading, written.parity, origin_of(photographs), source.name))
    say(f"{written.operators}: for ONNX Runtime's build.py --include_ops_by_config")
    for path in written.companions:
        say(f"{path}: copied")
    if as_json:
        parity = [asdict(entry) for entry in written.parity]
        report = {"model": str(written.model), "operators": str(written.operators), "parity": parity}
        typer.echo(json.dumps({**report, "companions": [str(path) for path in written.companions]}))


def _show(
    exported: "tuple[Exported, ...]", as_json: bool, against: str = "PyTorch float32", companions: tuple[Path, ...] = ()
) -> None:
    from nst_export.parity.parity import parity_table

    for entry in exported:
        megabytes = entry.path.stat().st_size / 1e6
        heading = f"{entry.path} ({entry.record.precision}, {megabytes:.1f} MB)"
        say(parity_table(heading, entry.record.parity, entry.record.parity_images, against))
    for path in companions:
        say(f"{path}: copied")
    if as_json:
        records = [{"file": str(entry.path), **asdict(entry.record)} for entry in exported]
        copied = {"companions": [str(path) for path in companions]} if companions else {}
        typer.echo(json.dumps({"models": records, **copied}))
