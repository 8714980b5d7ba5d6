"""Exports conditional networks: one trunk, any number of styles as vectors."""

import copy
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from nst_rt.contract import ModelRecord
from nst_rt.errors import ModelError
from nst_rt.files.reading import file_sha256
from nst_rt.styles.styles_file import Style, styles_text
from torch import Tensor

from nst_export.checkpoints.conditional_checkpoint import PAINTING_KEYS, ConditionalWeights, read_conditional
from nst_export.export_options import ExportOptions
from nst_export.families.network_export import NetworkExport
from nst_export.families.style_encoder_export import check_style_encoder
from nst_export.fp16_range import bring_into_range
from nst_export.model_files.export_targets import ENCODER, STYLES, beside, plan_targets
from nst_export.model_files.model_writer import EXPORTER, Exported, write_all
from nst_export.model_files.named_styles import read_named_styles
from nst_export.networks.conditional_network import STRIDE, ConditionalTransformer
from nst_export.onnx_graph.conditional_nodes import ConditionalEmitter
from nst_export.onnx_graph.graph_builder import GraphBuilder, Precision
from nst_export.onnx_graph.graph_ends import NO_CONTROLS, close_frame, open_controls, open_frame, open_style
from nst_export.onnx_graph.weight_folding import accept_bgr_bytes, accept_rgb, produce_bgr_bytes, produce_rgb
from nst_export.parity.sample_images import extreme_images, origin_of, sample_images
from nst_export.parity.torch_reference import image_tensor

WHITE = 1.0


class ConditionalExport(NetworkExport[ConditionalTransformer]):
    """A conditional network on its way to a graph."""

    family, white = "conditional", WHITE
    padding = 1  # the network pads frames itself

    def prepare(self, precision: Precision) -> ConditionalTransformer:
        prepared = copy.deepcopy(self.network)
        accept_bgr_bytes(prepared.stem, WHITE)
        produce_bgr_bytes(prepared.up_full.conv, WHITE)
        if precision == "fp16":
            samples = [image_tensor(image, 255, bgr=True) for image in [*self.images, *extreme_images()]]
            # Every image and every style once, not every pair: with dozens of styles that would take minutes.
            count = max(len(samples), len(self.styles))
            bring_into_range(prepared, [(samples[index % len(samples)], self._style(index)) for index in range(count)])
        return prepared

    def emit(self, graph: GraphBuilder, prepared: ConditionalTransformer, options: ExportOptions) -> None:
        frame = open_frame(graph, self.padding)
        pieces = [graph.to_precision(piece) for piece in open_style(graph, frame, prepared.style_parts)]
        count = len(prepared.channels)
        with graph.scope("style"):
            flat, maps = graph.integers([-1], "flat"), graph.integers([0, 0, 1, 1], "maps")
            vectors = [graph.node("Reshape", [piece, flat]) for piece in pieces[: 2 * count]]
            gains = [graph.node("Reshape", [piece, maps], "gains") for piece in pieces[2 * count :]]
        controls = open_controls(graph) if options.controls else NO_CONTROLS
        styles = zip(vectors[:count], vectors[count:], strict=True)
        emitter = ConditionalEmitter(graph, styles, iter(gains), phases=options.phases)
        found = emitter.emit_network("network", prepared, frame.photograph)
        close_frame(graph, frame, found.value, margin=found.margin, apart=found.apart, controls=controls)


def restore(prepared: ConditionalTransformer) -> None:
    """Undo `ConditionalExport.prepare` in fp32, in place, for a network that is restored from an exported file."""
    accept_rgb(prepared.stem, WHITE)
    produce_rgb(prepared.up_full.conv, WHITE)


def export_conditional(
    checkpoint: Path, output: Path, options: ExportOptions | None = None, *, leave_out: Collection[str] = ()
) -> tuple[Exported, ...]:
    """Export a trained conditional network (Dumoulin et al. 2017, "A Learned Representation for Artistic Style").

    Writes the network, `OUT.styles.json` with its style vectors, and `OUT.encoder.onnx` where it has a style encoder.

    Args:
        checkpoint: `conditional.pt` or `checkpoint.pt` of a training run.
        output: the .onnx file; with both precisions that is the fp32 file, and `OUT.fp16.onnx` the fp16 one.
        leave_out: names of styles to leave out of the styles file.

    Returns:
        The stylising models, then the style encoder where there is one.

    Raises:
        InputError: the checkpoint or the folder of photographs cannot be read.
        ModelError: another kind of file, no such style to leave out, or a graph that is not close enough to PyTorch;
            nothing is written then.
        OutputError: an output cannot be written or exists, or another network's files would lie beside it.

    Examples:
        ```python
        export_conditional(Path("run/conditional.pt"), Path("mine.onnx"), leave_out=["delaunay"])
        ```
    """
    options = options or ExportOptions()
    plan_targets(output, options, [STYLES], inputs=[checkpoint])
    trained = read_conditional(checkpoint)
    if missing := [name for name in leave_out if name not in trained.styles]:
        raise ModelError(
            f"{checkpoint}: has no style {missing[0]!r} to leave out, but {', '.join(trained.styles)}",
            parameter="leave_out",
        )
    trained.styles = {name: vector for name, vector in trained.styles.items() if name not in leave_out}
    trained.records = {name: record.texts() for name, record in read_named_styles().items()} | trained.records
    return export_conditional_weights(trained, output, options, source_sha256=file_sha256(checkpoint))


def export_conditional_weights(
    trained: ConditionalWeights, output: Path, options: ExportOptions | None = None, *, source_sha256: str = ""
) -> tuple[Exported, ...]:
    """The same for a network in memory.

    Args:
        trained: all of its styles count when fp16's factors are found; the first ones are used to compare the graph
            with PyTorch.
        source_sha256: of the file that it was read from, for the records.

    Raises:
        ModelError: no styles, a vector of the wrong length, or a graph that is not close enough to PyTorch; nothing is
            written then.
        InputError, OutputError: as `export_conditional`.
    """
    options = options or ExportOptions()
    targets = plan_targets(output, options, [STYLES, ENCODER] if trained.encoder else [STYLES])
    encoder_path, styles_path = beside(output, ENCODER), beside(output, STYLES)
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
        license=options.license,
        provenance=trained.training,
        source_sha256=source_sha256,
        strength_blends="pixels" if options.controls else "",
        exporter=EXPORTER,
        style_encoder=encoder_path.name if trained.encoder else "",
        parity_images=origin_of(options.photographs),
    )
    stale = targets.stale(record)
    images = sample_images(options.photographs)
    export = ConditionalExport(network, images, list(vectors.values()))
    checked = export.check(targets.models, record, options)
    if trained.encoder:
        of_encoder = replace(record, kind="style_encoder", stride=1, styles=(), strength_blends="", style_encoder="")
        checked.append(check_style_encoder(trained.encoder, of_encoder, encoder_path, images))
    styles = [
        _library_style(name, vector, trained.records.get(name, {}), trained.training)
        for name, vector in trained.styles.items()
    ]
    return write_all(checked, [(styles_path, styles_text(styles, source_sha256).encode())], stale=stale)


def _library_style(name: str, vector: Tensor, record: Mapping[str, str], training: str) -> Style:
    known = {key: record[key] for key in PAINTING_KEYS if key in record}
    return Style(name, vector.detach().float().cpu().numpy(), **known, training=training)
