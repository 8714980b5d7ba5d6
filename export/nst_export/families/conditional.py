"""The conditional transformer network: one trunk, any number of styles as vectors."""

import copy
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import onnx
from nst_rt import contract
from nst_rt.contract import ModelRecord
from nst_rt.errors import ModelError
from torch import Tensor

from nst_export.emit import Emitter
from nst_export.families.style_encoder import export_style_encoder
from nst_export.folding import accept_bgr_bytes, produce_bgr_bytes
from nst_export.frame import Controls, close_frame, full_controls, open_controls, open_frame, open_style
from nst_export.graph import GraphBuilder, Precision
from nst_export.networks.conditional import STRIDE, ConditionalTransformer
from nst_export.parity import Case, measure_pictures, stylise_in_torch
from nst_export.precision import center_normalised, largest_outputs, rescale_normalised, stored_as_fp16
from nst_export.sample_pictures import Picture, extreme_pictures, sample_pictures
from nst_export.styles_file import write_styles
from nst_export.training.conditional_weights import read_conditional
from nst_export.training.named_styles import read_named_styles
from nst_export.writing import EXPORTER, Exported, PrecisionChoice, check_target, targets, write_checked

WHITE = 1.0


def export_conditional(
    network: ConditionalTransformer,
    styles: Mapping[str, Tensor],
    output: Path,
    precision: PrecisionChoice = "both",
    *,
    photographs: Path | None = None,
    license: str = "unknown",
    provenance: str = "",
    source_sha256: str = "",
    style_encoder: str = "",
    controls: bool = True,
    phases: bool = True,
) -> tuple[Exported, ...]:
    """Export a trained conditional network.

    The file holds the styles' names; their vectors travel beside it and are fed at run time.

    Args:
        network: RGB in [0, 1] on both ends.
        styles: the vectors, (S) or (1, S) each, by name. Every one is used to find fp16's factors; the first ones
            are used to compare the graph with PyTorch.
        output, precision, photographs, license, controls, phases: as for `export_transformer`.
        provenance, source_sha256, style_encoder: for the record.

    Raises:
        ModelError: no styles, a vector of the wrong length, or a graph that is not close enough to PyTorch.
        OutputError: the output cannot be written.
    """
    files = targets(output, precision)
    for _, path in files:
        check_target(path)
    vectors = {name: vector.detach().float().reshape(1, -1) for name, vector in styles.items()}
    wrong = [name for name, vector in vectors.items() if vector.shape[1] != network.style_size]
    if wrong or not vectors:
        raise ModelError(
            f"{output}: the network takes style vectors of {network.style_size} numbers; "
            + (f"{', '.join(wrong)} have another length" if wrong else "no style was given")
        )
    network = copy.deepcopy(network).eval().requires_grad_(False)
    pictures = sample_pictures(photographs)
    checked = [list(vectors.values())[index % len(vectors)] for index in range(len(pictures))]
    expected = [
        stylise_in_torch(partial(network, style=style), picture, WHITE, STRIDE)
        for picture, style in zip(pictures, checked, strict=True)
    ]
    exported = []
    for kind, path in files:
        prepared = prepare(network, kind, pictures, list(vectors.values()))
        record = ModelRecord(
            kind="stylizer",
            family="conditional",
            precision=kind,
            stride=STRIDE,
            style_size=network.style_size,
            styles=tuple(vectors),
            license=license,
            provenance=provenance,
            source_sha256=source_sha256,
            strength_blends="pixels" if controls else "",
            exporter=EXPORTER,
            style_encoder=style_encoder,
        )
        model = build_graph(prepared, record, controls=controls, phases=phases)
        rounded: list[Picture | None] = [None] * len(pictures)
        if kind == "fp16":
            with stored_as_fp16(prepared):
                rounded = [
                    stylise_in_torch(partial(prepared, style=style), picture, 255, STRIDE, bgr=True)
                    for picture, style in zip(pictures, checked, strict=True)
                ]
        feeds = full_controls() if controls else {}
        cases = [
            Case(frame, wanted, {contract.STYLE: style.numpy(), **feeds}, half)
            for frame, wanted, style, half in zip(pictures, expected, checked, rounded, strict=True)
        ]
        exported.append(write_checked(model, record, path, partial(measure_pictures, cases=cases)))
    return tuple(exported)


def export_trained(
    weights: Path,
    output: Path,
    precision: PrecisionChoice = "both",
    *,
    leave_out: Collection[str] = (),
    photographs: Path | None = None,
    license: str = "unknown",
    controls: bool = True,
) -> tuple[Exported, ...]:
    """Export what `nst-rt train conditional` made.

    Writes the network, `OUT.styles.json`, and `OUT.encoder.onnx` where there is a style encoder.

    Args:
        weights: `conditional.pt` or `checkpoint.pt`.
        leave_out: names of styles that are not to be in the styles file.
        output, precision, photographs, license, controls: as for `export_transformer`.

    Returns:
        The stylising models, then the style encoder where there is one.

    Raises:
        InputError, ModelError: the weights cannot be read, a style to leave out is not there, or a graph is not close
            enough to PyTorch.
        OutputError: an output cannot be written.
    """
    trained = read_conditional(weights)
    if missing := [name for name in leave_out if name not in trained.styles]:
        raise ModelError(f"{weights}: has no style {missing[0]!r} to leave out, but {', '.join(trained.styles)}")
    styles = {name: vector for name, vector in trained.styles.items() if name not in leave_out}
    encoder_path, styles_path = output.with_suffix(".encoder.onnx"), output.with_suffix(".styles.json")
    records = {name: record.texts() for name, record in read_named_styles().items()} | trained.records
    with weights.open("rb") as file:
        source = hashlib.file_digest(file, "sha256").hexdigest()
    exported = export_conditional(
        trained.network,
        styles,
        output,
        precision,
        photographs=photographs,
        license=license,
        provenance=trained.training,
        source_sha256=source,
        style_encoder=encoder_path.name if trained.encoder else "",
        controls=controls,
    )
    write_styles(styles_path, styles, records, trained.training)
    if trained.encoder is None:
        return exported
    record = replace(
        exported[0].record,
        kind="style_encoder",
        precision="fp32",
        stride=1,
        styles=(),
        strength_blends="",
        style_encoder="",
        parity=(),
    )
    encoder = export_style_encoder(trained.encoder, record, encoder_path, photographs=photographs)
    return (*exported, encoder)


def prepare(
    network: ConditionalTransformer, precision: Precision, pictures: list[Picture], styles: list[Tensor]
) -> ConditionalTransformer:
    """A copy that reads and writes BGR bytes, brought into fp16's range on the pictures where that is asked for."""
    prepared = copy.deepcopy(network)
    accept_bgr_bytes(prepared.stem, WHITE)
    produce_bgr_bytes(prepared.up_full.conv, WHITE)
    if precision == "fp16":
        samples = [*pictures, *extreme_pictures()]

        def show() -> None:
            # Pictures and styles are paired off instead of multiplied out: dozens of styles would take minutes.
            for index in range(max(len(samples), len(styles))):
                style, picture = styles[index % len(styles)], samples[index % len(samples)]
                stylise_in_torch(partial(prepared, style=style), picture, 255, STRIDE, bgr=True)

        center_normalised(prepared, show)
        with largest_outputs(prepared) as largest:
            show()
        rescale_normalised(prepared, largest)
    return prepared


def build_graph(
    prepared: ConditionalTransformer, record: ModelRecord, *, controls: bool = True, phases: bool = True
) -> onnx.ModelProto:
    """The graph of a network made by `prepare`."""
    graph = GraphBuilder("conditional", "fp16" if record.precision == "fp16" else "fp32")
    frame = open_frame(graph, STRIDE)
    pieces = open_style(graph, frame, prepared.channels * 2)
    with graph.scope("style"):
        flat = graph.integers([-1], "flat")
        pieces = [graph.node("Reshape", [graph.to_precision(piece), flat]) for piece in pieces]
    count = len(prepared.channels)
    inputs = open_controls(graph) if controls else Controls()
    emitter = Emitter(graph, phases=phases, styles=iter(list(zip(pieces[:count], pieces[count:], strict=True))))
    picture = emitter.emit("network", prepared, frame.padded)
    close_frame(graph, frame, picture, margin=emitter.margin, strength=inputs.strength, color=inputs.color)
    return graph.finish(record)
