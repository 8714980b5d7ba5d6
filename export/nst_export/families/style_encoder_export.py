"""Exports the style encoder of a conditional network: the bytes of a painting to a style vector."""

import copy
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from nst_rt import contract
from nst_rt.contract import ModelRecord
from torch import Tensor, nn

from nst_export.model_files.model_writer import Checked, check_model
from nst_export.networks.style_encoder_network import EPSILON, StyleEncoder, StyleEncoderStage
from nst_export.onnx_graph.convolution_nodes import array_of
from nst_export.onnx_graph.emitter import Emitter
from nst_export.onnx_graph.graph_builder import FLOAT32, GraphBuilder
from nst_export.onnx_graph.graph_ends import open_frame
from nst_export.onnx_graph.normalization_nodes import means_and_deviations
from nst_export.parity.parity import VectorCase, measure_vectors
from nst_export.parity.sample_images import Image
from nst_export.parity.torch_reference import encode_in_torch

CENTRE, GAIN = 0.5, 4.0
"""The network computes (x - CENTRE) * GAIN of its input first."""


def check_style_encoder(encoder: StyleEncoder, record: ModelRecord, path: Path, images: Sequence[Image]) -> Checked:
    """Build a style encoder's graph in float32 and compare it with the network; no file is written.

    Args:
        encoder: RGB (N, 3, H, W) in [0, 1] to style vectors (N, S).
        record: of kind `style_encoder`.
        path: where the model is to be written.
        images: uint8 (H, W, 3) BGR, to check on.

    Raises:
        ModelError: the graph is not close enough to PyTorch.
    """
    encoder = copy.deepcopy(encoder).eval().requires_grad_(False)
    model = build_graph(prepare(encoder), record)
    cases = [VectorCase(image, encode_in_torch(encoder, image).numpy()) for image in images]
    return check_model(model, record, path, measure_vectors(model.SerializeToString(), cases))


def prepare(encoder: StyleEncoder) -> StyleEncoder:
    """A copy whose first convolution reads BGR in [0, 255], with the centring folded into it."""
    prepared = copy.deepcopy(encoder)
    weight, bias = _entry(prepared)
    with torch.no_grad():
        # Reflection pads with pixels of the image, so that the offset is the same at the borders.
        bias.sub_(weight.sum((1, 2, 3)) * GAIN * CENTRE)
        weight.copy_(weight.flip(1) * (GAIN / 255))
    return prepared


def restore(prepared: StyleEncoder) -> None:
    """Undo `prepare` in place, for an encoder that is restored from an exported file."""
    weight, bias = _entry(prepared)
    with torch.no_grad():
        weight.copy_(weight.flip(1) * (255 / GAIN))
        bias.add_(weight.sum((1, 2, 3)) * GAIN * CENTRE)


def _entry(encoder: StyleEncoder) -> tuple[Tensor, Tensor]:
    stage = encoder.stages[0]
    assert isinstance(stage, StyleEncoderStage)
    assert stage.enter.bias is not None
    return stage.enter.weight, stage.enter.bias


def build_graph(prepared: StyleEncoder, record: ModelRecord) -> onnx.ModelProto:
    """The graph of an encoder made by `prepare`."""
    graph = GraphBuilder("style_encoder", "fp32")
    value = open_frame(graph, 1, contract.IMAGE).photograph
    emitter = Emitter(graph)
    pooled = []
    for index, stage in enumerate(prepared.stages):
        value = emitter.emit(f"stages.{index}", stage, value)
        pooled.append(means_and_deviations(graph, value, EPSILON))
    statistics = graph.node("Concat", pooled, "pooled", axis=1)
    hidden = graph.node("Relu", [_linear(graph, "hidden", prepared.hidden, statistics)])
    delta = _linear(graph, "delta", prepared.delta, hidden)
    base = graph.weight(array_of(prepared.base).reshape(1, -1), "base")
    graph.output(graph.node("Add", [delta, base], "vector"), contract.STYLE, FLOAT32, [1, record.style_size])
    return graph.finish(record)


def _linear(graph: GraphBuilder, name: str, layer: nn.Linear, value: str) -> str:
    with graph.scope(name):
        weights = [graph.weight(array_of(layer.weight), "weight"), graph.weight(array_of(layer.bias), "bias")]
        return graph.node("Gemm", [value, *weights], transB=1)
