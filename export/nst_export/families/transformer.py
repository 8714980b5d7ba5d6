"""Transformer networks: one checkpoint, one style, one file per precision."""

import copy
from functools import partial
from pathlib import Path

import onnx
from nst_rt.contract import ModelRecord
from torch import nn

from nst_export.checkpoints.reading import read_checkpoint
from nst_export.checkpoints.transformer import load_transformer
from nst_export.emit import Emitter
from nst_export.folding import accept_bgr_bytes, produce_bgr_bytes
from nst_export.frame import Controls, close_frame, open_controls, open_frame
from nst_export.graph import GraphBuilder, Precision
from nst_export.networks.transformer import STRIDE, TransformerNetwork
from nst_export.parity import stylise_in_torch
from nst_export.precision import bring_into_range
from nst_export.sample_pictures import Picture, extreme_pictures, origin_of, sample_pictures
from nst_export.stylizing import StylizingNetwork
from nst_export.writing import EXPORTER, Exported, PrecisionChoice, beside, plan_targets, write_all

WHITE = 255.0


def export_transformer(
    checkpoint: Path,
    output: Path,
    precision: PrecisionChoice = "both",
    *,
    style_name: str | None = None,
    photographs: Path | None = None,
    license: str = "unknown",
    controls: bool = True,
    phases: bool = True,
    overwrite: bool = False,
) -> tuple[Exported, ...]:
    """Export a `fast_neural_style` checkpoint.

    Args:
        checkpoint: the state dict's file; the network takes and makes RGB in [0, 255].
        output: the .onnx file; with precision "both", `OUT.onnx` is fp32 and `OUT.fp16.onnx` fp16.
        style_name: what the style is called; the output's name if left out.
        photographs: folder of pictures to check on; drawn ones if left out.
        license: of the weights.
        controls: give the graph the `strength` and `color` inputs.
        phases: the rewrites of `nst_export.emit`.
        overwrite: replace files that exist, and remove companions of another network.

    Raises:
        InputError, ModelError: the checkpoint cannot be read, or a graph is not close enough to PyTorch; nothing is
            written then.
        OutputError: an output cannot be written, exists, or would have another network's files beside it.
    """
    targets = plan_targets(output, precision, inputs=[checkpoint], overwrite=overwrite)
    source = read_checkpoint(checkpoint)
    network = load_transformer(source)
    record = ModelRecord(
        kind="stylizer",
        family="transformer",
        precision="fp32",
        stride=STRIDE,
        styles=(style_name or beside(output, "").name,),
        license=license,
        provenance=source.path.name,
        source_sha256=source.sha256,
        strength_blends="pixels" if controls else "",
        exporter=EXPORTER,
        parity_pictures=origin_of(photographs),
    )
    stale = targets.stale(record)
    pictures = sample_pictures(photographs)
    stylizing = StylizingNetwork(
        network,
        WHITE,
        1,
        partial(prepare, network, pictures=pictures),
        partial(build_graph, controls=controls, phases=phases),
        record,
    )
    return write_all(stylizing.check(targets.models, pictures, controls=controls), stale=stale)


def prepare(network: TransformerNetwork, precision: Precision, pictures: list[Picture]) -> TransformerNetwork:
    """A copy that reads and writes BGR bytes, brought into fp16's range on the pictures where that is asked for."""
    prepared = copy.deepcopy(network)
    first, last = prepared.get_submodule("conv1.conv2d"), prepared.get_submodule("deconv3.conv2d")
    assert isinstance(first, nn.Conv2d)
    assert isinstance(last, nn.Conv2d)
    accept_bgr_bytes(first, WHITE)
    produce_bgr_bytes(last, WHITE)
    if precision == "fp16":

        def show() -> None:
            for picture in [*pictures, *extreme_pictures()]:
                stylise_in_torch(prepared, picture, WHITE, bgr=True)

        bring_into_range(prepared, show)
    return prepared


def build_graph(
    prepared: TransformerNetwork, record: ModelRecord, *, controls: bool = True, phases: bool = True
) -> onnx.ModelProto:
    """The graph of a network made by `prepare`."""
    graph = GraphBuilder("transformer", "fp16" if record.precision == "fp16" else "fp32")
    # No padding here: the network's own upsampling overshoots, to multiples of 4, and the frame crops.
    frame = open_frame(graph, 1)
    inputs = open_controls(graph) if controls else Controls()
    emitter = Emitter(graph, phases=phases, even=[prepared.get_submodule("deconv3.conv2d")])
    picture = emitter.emit("network", prepared, frame.photograph)
    close_frame(graph, frame, picture, margin=emitter.margin, strength=inputs.strength, color=inputs.color)
    return graph.finish(record)
