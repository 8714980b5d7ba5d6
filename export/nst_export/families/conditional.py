"""The conditional transformer network: one trunk, any number of styles as vectors."""

import copy
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path

import onnx
from nst_rt.contract import ModelRecord
from nst_rt.errors import ModelError
from nst_rt.files.reading import file_sha256
from torch import Tensor

from nst_export.checkpoints.conditional import ConditionalWeights, read_conditional
from nst_export.families.style_encoder import check_style_encoder
from nst_export.model_files.named_styles import read_named_styles
from nst_export.model_files.styles_file import styles_text
from nst_export.model_files.writing import (
    ENCODER,
    EXPORTER,
    STYLES,
    Exported,
    PrecisionChoice,
    beside,
    plan_targets,
    write_all,
)
from nst_export.networks.conditional import STRIDE, ConditionalTransformer
from nst_export.onnx_graph.builder import GraphBuilder, Precision
from nst_export.onnx_graph.emit import Emitter
from nst_export.onnx_graph.folding import accept_bgr_bytes, accept_rgb, produce_bgr_bytes, produce_rgb
from nst_export.onnx_graph.frame import Controls, close_frame, open_controls, open_frame, open_style
from nst_export.onnx_graph.stylizing import StylizingNetwork
from nst_export.parity.parity import stylise_in_torch
from nst_export.parity.sample_images import Image, extreme_images, origin_of, sample_images
from nst_export.precision import bring_into_range

WHITE = 1.0


def export_trained(
    weights: Path,
    output: Path,
    precision: PrecisionChoice = "both",
    *,
    leave_out: Collection[str] = (),
    photographs: Path | None = None,
    license: str = "unknown",
    controls: bool = True,
    overwrite: bool = False,
) -> tuple[Exported, ...]:
    """Export what `nst-rt train conditional` made.

    Writes the network, `OUT.styles.json`, and `OUT.encoder.onnx` where there is a style encoder.

    Args:
        weights: `conditional.pt` or `checkpoint.pt`.
        leave_out: names of styles that are not to be in the styles file.
        output, precision, photographs, license, controls, overwrite: as for `export_transformer`.

    Returns:
        The stylising models, then the style encoder where there is one.

    Raises:
        InputError, ModelError: the weights cannot be read, a style to leave out is not there, or a graph is not close
            enough to PyTorch; nothing is written then.
        OutputError: an output cannot be written, exists, or would have another network's files beside it.
    """
    plan_targets(output, precision, [STYLES], inputs=[weights], overwrite=overwrite)
    trained = read_conditional(weights)
    if missing := [name for name in leave_out if name not in trained.styles]:
        raise ModelError(f"{weights}: has no style {missing[0]!r} to leave out, but {', '.join(trained.styles)}")
    trained.styles = {name: vector for name, vector in trained.styles.items() if name not in leave_out}
    trained.records = {name: record.texts() for name, record in read_named_styles().items()} | trained.records
    return export_conditional(
        trained,
        output,
        precision,
        photographs=photographs,
        license=license,
        source_sha256=file_sha256(weights),
        controls=controls,
        overwrite=overwrite,
    )


def export_conditional(
    trained: ConditionalWeights,
    output: Path,
    precision: PrecisionChoice = "both",
    *,
    photographs: Path | None = None,
    license: str = "unknown",
    source_sha256: str = "",
    controls: bool = True,
    phases: bool = True,
    overwrite: bool = False,
) -> tuple[Exported, ...]:
    """Export a trained conditional network, its styles and its style encoder; see `export_trained`.

    The model holds the styles' names; their vectors travel beside it and are fed at run time.

    Args:
        trained: every style of it is used to find fp16's factors; the first ones are used to compare the graph with
            PyTorch.
        source_sha256: for the records.
        output, precision, photographs, license, controls, phases, overwrite: as for `export_transformer`.

    Raises:
        ModelError: no styles, a vector of the wrong length, or a graph that is not close enough to PyTorch; nothing
            is written then.
        OutputError: an output cannot be written, exists, or would have another network's files beside it.
    """
    companions = [STYLES, ENCODER] if trained.encoder else [STYLES]
    targets = plan_targets(output, precision, companions, overwrite=overwrite)
    encoder_path = beside(output, ENCODER)
    network = copy.deepcopy(trained.network).eval().requires_grad_(False)
    vectors = {name: vector.detach().float().reshape(1, -1) for name, vector in trained.styles.items()}
    wrong = [name for name, vector in vectors.items() if vector.shape[1] != network.style_size]
    if wrong or not vectors:
        raise ModelError(
            f"{output}: the network takes style vectors of {network.style_size} numbers; "
            + (f"{', '.join(wrong)} have another length" if wrong else "no style was given")
        )
    record = ModelRecord(
        kind="stylizer",
        family="conditional",
        precision="fp32",
        stride=STRIDE,
        style_size=network.style_size,
        styles=tuple(vectors),
        license=license,
        provenance=trained.training,
        source_sha256=source_sha256,
        strength_blends="pixels" if controls else "",
        exporter=EXPORTER,
        style_encoder=encoder_path.name if trained.encoder else "",
        parity_images=origin_of(photographs),
    )
    stale = targets.stale(record)
    images = sample_images(photographs)
    styles = list(vectors.values())
    stylizing = StylizingNetwork(
        network,
        WHITE,
        1,
        partial(prepare, network, images=images, styles=styles),
        partial(build_graph, controls=controls, phases=phases),
        record,
        [styles[index % len(styles)] for index in range(len(images))],
    )
    checked = stylizing.check(targets.models, images, controls=controls)
    if trained.encoder:
        of_encoder = replace(record, kind="style_encoder", stride=1, styles=(), strength_blends="", style_encoder="")
        checked.append(check_style_encoder(trained.encoder, of_encoder, encoder_path, images))
    text = styles_text(trained.styles, trained.records, trained.training, source_sha256)
    return write_all(checked, [(beside(output, STYLES), text.encode())], stale=stale)


def prepare(
    network: ConditionalTransformer, precision: Precision, images: list[Image], styles: list[Tensor]
) -> ConditionalTransformer:
    """A copy that reads and writes BGR bytes, brought into fp16's range on the images where that is asked for."""
    prepared = copy.deepcopy(network)
    accept_bgr_bytes(prepared.stem, WHITE)
    produce_bgr_bytes(prepared.up_full.conv, WHITE)
    if precision == "fp16":
        samples = [*images, *extreme_images()]

        def show() -> None:
            # Images and styles are paired off instead of multiplied out: dozens of styles would take minutes.
            for index in range(max(len(samples), len(styles))):
                style, image = styles[index % len(styles)], samples[index % len(samples)]
                stylise_in_torch(partial(prepared, style=style), image, 255, bgr=True)

        bring_into_range(prepared, show)
    return prepared


def restore(prepared: ConditionalTransformer) -> None:
    """Undo `prepare` in fp32, in place, for a network that is read back from an exported file."""
    accept_rgb(prepared.stem, WHITE)
    produce_rgb(prepared.up_full.conv, WHITE)


def build_graph(
    prepared: ConditionalTransformer, record: ModelRecord, *, controls: bool = True, phases: bool = True
) -> onnx.ModelProto:
    """The graph of a network made by `prepare`."""
    graph = GraphBuilder("conditional", "fp16" if record.precision == "fp16" else "fp32")
    frame = open_frame(graph, 1)
    pieces = [graph.to_precision(piece) for piece in open_style(graph, frame, prepared.style_parts)]
    count = len(prepared.channels)
    with graph.scope("style"):
        flat, maps = graph.integers([-1], "flat"), graph.integers([0, 0, 1, 1], "maps")
        vectors = [graph.node("Reshape", [piece, flat]) for piece in pieces[: 2 * count]]
        gains = [graph.node("Reshape", [piece, maps], "gains") for piece in pieces[2 * count :]]
    inputs = open_controls(graph) if controls else Controls()
    styles = iter(list(zip(vectors[:count], vectors[count:], strict=True)))
    emitter = Emitter(graph, phases=phases, styles=styles, gains=iter(gains))
    image = emitter.emit("network", prepared, frame.photograph)
    close_frame(
        graph,
        frame,
        image,
        margin=emitter.margin,
        apart=emitter.apart,
        strength=inputs.strength,
        color=inputs.color,
    )
    return graph.finish(record)
