"""AdaIN: an encoder and a decoder become a stylising model and a style encoder beside it."""

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch
from nst_rt import contract
from nst_rt.contract import ModelRecord
from numpy.typing import NDArray
from torch import nn

from nst_export.checkpoints.adain import load_adain
from nst_export.checkpoints.reading import read_checkpoint
from nst_export.model_files.writing import (
    ENCODER,
    EXPORTER,
    Exported,
    PrecisionChoice,
    check_model,
    plan_targets,
    write_all,
)
from nst_export.networks.adain import EPSILON, AdaIn
from nst_export.onnx_graph.builder import FLOAT32, GraphBuilder, Precision
from nst_export.onnx_graph.emit import Emitter, styled_norm
from nst_export.onnx_graph.folding import accept_bgr_bytes, merge_pointwise, produce_bgr_bytes
from nst_export.onnx_graph.frame import Controls, close_frame, open_controls, open_frame, open_style
from nst_export.onnx_graph.statistics import means_and_deviations
from nst_export.onnx_graph.stylizing import StylizingNetwork
from nst_export.parity.parity import measure_vectors, style_vector, stylise_in_torch
from nst_export.parity.sample_images import Image, draw_image, extreme_images, origin_of, sample_images
from nst_export.precision import factor_for, largest_outputs, rescale_chain

WHITE = 1.0


def export_adain(
    encoder: Path,
    decoder: Path,
    output: Path,
    precision: PrecisionChoice = "both",
    *,
    photographs: Path | None = None,
    license: str = "unknown",
    controls: bool = True,
    phases: bool = True,
    overwrite: bool = False,
) -> tuple[Exported, ...]:
    """Export an AdaIN pair of checkpoints.

    Writes the stylising model in the wanted precisions and `OUT.encoder.onnx`, the style encoder, which is always
    float32: it runs once per painting, and its vectors serve both precisions.

    Args:
        encoder, decoder: checkpoint files in one of the layouts of `nst_export.checkpoints.adain`.
        output, precision, photographs, license, controls, phases, overwrite: as for `export_transformer`. Here
            `strength` mixes the features, as in section 6.2 of the paper.

    Returns:
        The stylising models, then the style encoder.

    Raises:
        InputError, ModelError: a checkpoint cannot be read, the two do not fit, or a graph is not close enough;
            nothing is written then.
        OutputError: an output cannot be written, exists, or would have another network's files beside it.
    """
    targets = plan_targets(output, precision, [ENCODER], inputs=[encoder, decoder], overwrite=overwrite)
    (encoder_path,) = targets.companions
    front, back = read_checkpoint(encoder), read_checkpoint(decoder)
    network = load_adain(front, back)
    encoder_record = ModelRecord(
        kind="style_encoder",
        family="adain",
        precision="fp32",
        stride=1,
        style_size=2 * network.channels,
        license=license,
        provenance=f"{front.path.name} and {back.path.name}",
        source_sha256=f"{front.sha256} {back.sha256}",
        exporter=EXPORTER,
        parity_images=origin_of(photographs),
    )
    record = replace(
        encoder_record,
        kind="stylizer",
        stride=network.stride,
        strength_blends="features" if controls else "",
        style_encoder=encoder_path.name,
    )
    stale = targets.stale(record)
    images = sample_images(photographs)
    # Every image is painted in the style of the next one, so that the vectors are as varied as the images.
    styles = [style_vector(network.style_vectors, image) for image in (*images[1:], draw_image(256, 320, seed=99))]
    stylizing = StylizingNetwork(
        network,
        WHITE,
        network.stride,
        partial(prepare, network, images=images, styles=styles),
        partial(build_graph, controls=controls, phases=phases),
        record,
        styles,
    )
    checked = stylizing.check(targets.models, images, controls=controls)
    model = build_encoder_graph(prepare(network, "fp32", [], []), encoder_record)
    measure = partial(measure_vectors, network.style_vectors, images)
    return write_all([*checked, check_model(model, encoder_record, encoder_path, measure)], stale=stale)


def prepare(network: AdaIn, precision: Precision, images: list[Image], styles: list[torch.Tensor]) -> AdaIn:
    """A copy that reads and writes BGR bytes, brought into fp16's range on the images where that is asked for."""
    prepared = copy.deepcopy(network)
    first, last = prepared.encoder[0], prepared.decoder[-1]
    assert isinstance(first, nn.Conv2d)
    assert isinstance(last, nn.Conv2d)
    accept_bgr_bytes(first, WHITE)
    produce_bgr_bytes(last, WHITE)
    prepared.encoder = merge_pointwise(prepared.encoder)
    if precision == "fp16":
        reached = 0.0
        with largest_outputs(prepared) as largest, torch.no_grad():
            samples = [*images, *extreme_images()]
            for index, image in enumerate(samples):
                style = styles[index % len(styles)]
                stylise_in_torch(partial(prepared, style=style), image, 255, prepared.stride, bgr=True)
                # Normalised features stay within a few deviations of the style's means.
                mean, deviation = torch.split(style, prepared.channels, dim=1)
                reached = max(reached, float((mean.abs() + 8 * deviation).max()))
        prepared.divisor = max(factor_for(largest[prepared.encoder[-1]]), factor_for(reached / 4))
        rescale_chain(prepared.encoder, largest, 1.0, prepared.divisor)
        rescale_chain(prepared.decoder, largest, prepared.divisor, 1.0)
    return prepared


def build_graph(prepared: AdaIn, record: ModelRecord, *, controls: bool = True, phases: bool = True) -> onnx.ModelProto:
    """The stylising graph of a network made by `prepare`."""
    graph = GraphBuilder("adain", "fp16" if record.precision == "fp16" else "fp32")
    frame = open_frame(graph, prepared.stride)
    mean, deviation = open_style(graph, frame, [prepared.channels] * 2)
    inputs = open_controls(graph) if controls else Controls()
    emitter = Emitter(graph, phases=phases, even=[prepared.decoder[-1]] if prepared.stride > 1 else [])
    features = emitter.emit("encoder", prepared.encoder, frame.padded)
    with graph.scope("adain"):
        vectors = []
        for name, vector in (("deviation", deviation), ("mean", mean)):
            if prepared.divisor != 1:
                vector = graph.node("Div", [vector, graph.constant(_scalar(prepared.divisor), "divisor")])
            if controls:
                vector = graph.node("Mul", [vector, inputs.strength])
            vector = graph.node("Reshape", [vector, graph.integers([-1], "flat")], name)
            vectors.append(graph.to_precision(vector))
        eps = EPSILON / prepared.divisor**2
        styled = styled_norm(graph, features, vectors[0], vectors[1], prepared.channels, eps)
        if controls:
            rest = graph.node("Sub", [graph.constant(_scalar(1.0), "one"), inputs.strength], "rest")
            kept = graph.node("Mul", [features, graph.to_precision(rest)], "kept")
            styled = graph.node("Add", [styled, kept], "blended")
    image = emitter.emit("decoder", prepared.decoder, styled)
    close_frame(graph, frame, image, margin=emitter.margin, color=inputs.color)
    return graph.finish(record)


def build_encoder_graph(prepared: AdaIn, record: ModelRecord) -> onnx.ModelProto:
    """The style encoder's graph, float32 throughout."""
    graph = GraphBuilder("adain_style_encoder", "fp32")
    frame = open_frame(graph, 1, contract.IMAGE)
    features = Emitter(graph).emit("encoder", prepared.encoder, frame.photograph)
    style = means_and_deviations(graph, features, EPSILON)
    graph.output(style, contract.STYLE, FLOAT32, [1, record.style_size])
    return graph.finish(record)


def _scalar(value: float) -> NDArray[np.float32]:
    return np.full(1, value, np.float32)
