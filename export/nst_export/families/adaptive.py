"""Adaptive style transfer: one checkpoint, one artist, one file per precision."""

import copy
from functools import partial
from pathlib import Path

import onnx
import torch
from nst_rt.contract import ModelRecord
from torch import nn

from nst_export.checkpoints.adaptive import load_adaptive, read_adaptive
from nst_export.emit import Emitter
from nst_export.folding import accept_bgr_bytes, produce_bgr_bytes
from nst_export.frame import Controls, close_frame, open_controls, open_frame
from nst_export.graph import GraphBuilder, Precision
from nst_export.networks.adaptive import STRIDE, AdaptiveNetwork, ScaledSigmoid
from nst_export.parity import stylise_in_torch
from nst_export.precision import bring_into_range
from nst_export.sample_pictures import Picture, extreme_pictures, origin_of, sample_pictures
from nst_export.stylizing import StylizingNetwork
from nst_export.writing import EXPORTER, Exported, PrecisionChoice, beside, plan_targets, write_all

WHITE = 1.0


def export_adaptive(
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
    """Export a checkpoint of the paper's public code.

    Where 16 does not divide a photograph's size, the public code gets another size out and stretches the picture back;
    the exported graph reflects the photograph up to the next multiple and crops. The public code also shows the
    network photographs of 1280 pixels on the shorter side: on smaller frames the same strokes look larger.

    Args:
        checkpoint: a TensorFlow checkpoint (the name its files share, one of them, or their folder) or an `.npz`
            archive of its variables.
        output, precision, style_name, photographs, license, controls, phases, overwrite: as for `export_transformer`.

    Raises:
        InputError, ModelError: the checkpoint cannot be read, or a graph is not close enough to PyTorch; nothing is
            written then.
        DependencyError: a TensorFlow checkpoint, and TensorFlow is not installed.
        OutputError: an output cannot be written, exists, or would have another network's files beside it.
    """
    targets = plan_targets(output, precision, inputs=[checkpoint], overwrite=overwrite)
    source = read_adaptive(checkpoint)
    network = load_adaptive(source)
    record = ModelRecord(
        kind="stylizer",
        family="adaptive",
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
        STRIDE,
        partial(prepare, network, pictures=pictures),
        partial(build_graph, controls=controls, phases=phases),
        record,
    )
    return write_all(stylizing.check(targets.models, pictures, controls=controls), stale=stale)


def prepare(network: AdaptiveNetwork, precision: Precision, pictures: list[Picture]) -> AdaptiveNetwork:
    """A copy that reads and writes BGR bytes, brought into fp16's range on the pictures where that is asked for."""
    prepared = copy.deepcopy(network)
    norm, first, last, sigmoid = (prepared.get_submodule(name) for name in ("norm0", "conv1", "last", "sigmoid"))
    assert isinstance(norm, nn.InstanceNorm2d)
    assert isinstance(first, nn.Conv2d)
    assert isinstance(last, nn.Conv2d)
    assert isinstance(sigmoid, ScaledSigmoid)
    # The normalisation divides the byte's scale out again, all but its epsilon; the sigmoid's end needs it anew.
    with torch.no_grad():
        norm.weight.copy_(norm.weight.flip(0))
        norm.bias.copy_(norm.bias.flip(0))
    norm.eps *= (255 / WHITE) ** 2
    accept_bgr_bytes(first, 255)
    produce_bgr_bytes(last, 255)
    sigmoid.white = 255.0
    if precision == "fp16":

        def show() -> None:
            for picture in [*pictures, *extreme_pictures()]:
                stylise_in_torch(prepared, picture, 255, STRIDE, bgr=True)

        bring_into_range(prepared, show)
    return prepared


def build_graph(
    prepared: AdaptiveNetwork, record: ModelRecord, *, controls: bool = True, phases: bool = True
) -> onnx.ModelProto:
    """The graph of a network made by `prepare`."""
    graph = GraphBuilder("adaptive", "fp16" if record.precision == "fp16" else "fp32")
    frame = open_frame(graph, STRIDE)
    inputs = open_controls(graph) if controls else Controls()
    emitter = Emitter(graph, phases=phases, even=[prepared.get_submodule("last")])
    picture = emitter.emit("network", prepared, frame.padded)
    close_frame(graph, frame, picture, margin=emitter.margin, strength=inputs.strength, color=inputs.color)
    return graph.finish(record)
