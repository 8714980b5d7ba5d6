"""`nst-rt export triton` and `nst-rt export ort`. Imports nothing heavy until a command runs."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from nst_rt.cli.frame_options import parse_sides
from nst_rt.cli.messages import say
from nst_rt.cli.options import OPTIONS, JsonOption
from nst_rt.jobs.extras import refuse_missing


class VariantName(StrEnum):
    """Choices of --variant."""

    cpu = "cpu"
    openvino = "openvino"
    cuda = "cuda"
    tensorrt = "tensorrt"


class PrecisionName(StrEnum):
    """Choices of --precision."""

    auto = "auto"
    fp32 = "fp32"
    fp16 = "fp16"
    int8 = "int8"


class TargetName(StrEnum):
    """Choices of --target."""

    any = "any"
    arm = "arm"
    amd64 = "amd64"


def register(app: typer.Typer) -> None:
    """Add the commands to `nst-rt export`."""
    app.command()(triton)
    app.command()(ort)


def triton(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The model repository; made if it is not there.")],
    model: Annotated[str | None, OPTIONS["model"]] = None,
    variant: Annotated[
        list[VariantName] | None,
        typer.Option(
            "--variant",
            help="Where the server runs the network; may be repeated, and clients get the first. cpu if left out.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--size", metavar="WxH", show_default=False, help="Serve frames of this size alone; tensorrt needs it."
        ),
    ] = None,
    precision: Annotated[
        PrecisionName, typer.Option("--precision", help="auto: fp16 on GPUs where there is such a file, else fp32.")
    ] = PrecisionName.auto,
    max_batch: Annotated[int, typer.Option("--max-batch", min=1, help="Frames of one size that run together.")] = 8,
    queue_delay: Annotated[
        float,
        typer.Option("--queue-delay", min=0, metavar="MS", help="How long a frame may wait for others to join it."),
    ] = 0.0,
    instances: Annotated[
        int, typer.Option("--instances", min=1, help="Copies of the network, on each GPU or on the processor.")
    ] = 1,
    threads: Annotated[
        int, typer.Option("--threads", min=0, help="CPU threads of each instance; 0 is one for each core.")
    ] = 0,
    name: Annotated[
        str | None, typer.Option("--name", help="What clients call the model; its file's name if left out.")
    ] = None,
    storage_uri: Annotated[
        str | None,
        typer.Option(
            "--storage-uri",
            help="Where KServe finds the repository; pvc://nst-rt/DIR if left out.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what an earlier export wrote for this model; the rest stays.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """A model repository for NVIDIA Triton, and KServe's manifest. docs/embedding/model-servers.md shows both."""
    sides = parse_sides(size) if size is not None else None
    try:
        from nst_export.serving.repository import export_triton
        from nst_export.serving.triton_config import Serving
    except ModuleNotFoundError as error:
        refuse_missing(error, "exporting")
    written = export_triton(
        folder,
        model,
        name=name,
        variants=[one.value for one in variant or [VariantName.cpu]],
        precision=precision.value,
        size=(sides[1], sides[0]) if sides else None,
        serving=Serving(max_batch, queue_delay, instances, threads),
        storage_uri=storage_uri,
        overwrite=overwrite,
    )
    for entry in written.entries:
        say(f"{written.folder / entry.name}: {f'of {entry.source}' if entry.source else 'what clients call'}")
    say(f"tritonserver --model-repository {written.folder.absolute()}")
    if as_json:
        typer.echo(json.dumps(written.to_json()))


def ort(
    model: Annotated[str, typer.Argument(help="An .onnx file as exported, style encoders too, or a model's name.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="NAME.ort; if left out beside MODEL's file, of a model's name in the working folder. Elsewhere than "
            "beside MODEL, its NAME.styles.json and NAME.encoder.onnx are copied along.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        TargetName, typer.Option("--target", help="Processors that it is optimised for; amd64 files run nowhere else.")
    ] = TargetName.any,
    photographs: Annotated[
        Path | None,
        typer.Option("--photographs", help="Folder of images to check on; drawn ones if left out.", show_default=False),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace files that exist; remove those of another network that would be used with it."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """A model in ONNX Runtime's own format, with the operators that a reduced build has to hold."""
    try:
        from nst_rt.models.catalog import ORT_SUFFIX

        from nst_export.model_files.model_reader import model_and_output
        from nst_export.parity.parity import parity_table
        from nst_export.parity.sample_images import origin_of
        from nst_export.serving.ort_format import export_ort
    except ModuleNotFoundError as error:
        refuse_missing(error, "exporting")
    source, output = model_and_output(model, output, ORT_SUFFIX)
    written = export_ort(source, output, target=target.value, photographs=photographs, overwrite=overwrite)
    megabytes = written.model.stat().st_size / 1e6
    heading = f"{written.model} ({written.record.precision}, {megabytes:.1f} MB)"
    say(parity_table(heading, written.parity, origin_of(photographs), source.name))
    say(f"{written.operators}: for ONNX Runtime's build.py --include_ops_by_config")
    for path in written.companions:
        say(f"{path}: copied along")
    if as_json:
        parity = [asdict(entry) for entry in written.parity]
        told = {"model": str(written.model), "operators": str(written.operators), "parity": parity}
        typer.echo(json.dumps({**told, "companions": [str(path) for path in written.companions]}))
