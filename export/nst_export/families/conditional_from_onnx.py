"""Restores a conditional network in torch from its exported files, to train or tune it further.

The graph holds the weights as it uses them: colour order and value range are folded in, and upsampling convolutions are
four phases. Every folding is undone by the function beside it.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from nst_rt import contract
from nst_rt.contract import ModelRecord, Parity
from nst_rt.engine.session import require_same_network
from nst_rt.errors import ModelError
from nst_rt.models.catalog import ModelFiles
from nst_rt.styles.styles_file import read_styles
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from nst_export.checkpoints.conditional_checkpoint import PAINTING_KEYS, ConditionalWeights
from nst_export.families import conditional_export, style_encoder_export
from nst_export.model_files.companions import fits
from nst_export.model_files.model_reader import read_model_file
from nst_export.networks.conditional_network import ConditionalResidual, ConditionalTransformer
from nst_export.networks.noise import LEVELS, FixedNoise
from nst_export.networks.style_encoder_network import StyleEncoder, StyleEncoderStage
from nst_export.onnx_graph.graph_ends import full_controls
from nst_export.onnx_graph.phases import kernel_of_upsampling_phases
from nst_export.parity.parity import LEAST_PSNR, Case, VectorCase, measure_images, measure_vectors
from nst_export.parity.sample_images import draw_image
from nst_export.parity.torch_reference import encode_in_torch, stylise_in_torch


def conditional_from_onnx(path: Path) -> ConditionalWeights:
    """The network of NAME.onnx, with the styles and the style encoder that lie beside it.

    The restored network is run on a drawn image and compared with the file.

    Args:
        path: the fp32 model file that `export_conditional` wrote.

    Returns:
        Frozen modules on the CPU, with style vectors float32 (S,).

    Raises:
        InputError: no such file.
        ModelError: damaged, fp16, not a conditional network of our exporter, or files of different networks.
        StyleError: the styles file is malformed.
    """
    model, record = _open(path, "stylizer")
    files = ModelFiles(path)
    try:
        network = _network(_Weights(model))
        if network.style_size != record.style_size:
            raise ValueError(f"its vectors have {record.style_size} numbers, not {network.style_size}")
    except (KeyError, ValueError, IndexError) as error:
        raise _foreign(path, error) from error
    named = read_styles(files.styles) if files.styles else []
    if foreign := [style for style in named if not fits(style, record)]:
        raise ModelError(
            f"{files.styles}: the style {foreign[0].name!r} belongs to another network than {path.name}. Export both "
            "again, or remove the file"
        )
    styles = {style.name: torch.from_numpy(style.vector) for style in named}
    vector = next(iter(styles.values()), network.neutral_style()[0])[None]
    _require_agreement(path, _check_network(network, model, vector))
    weights = ConditionalWeights(
        network,
        styles,
        {style.name: {key: text for key in PAINTING_KEYS if (text := getattr(style, key))} for style in named},
        training=record.provenance,
    )
    if files.encoder:
        weights.encoder = _read_encoder(files.encoder, record, path)
    return weights


def _read_encoder(path: Path, of_network: ModelRecord, network: Path) -> StyleEncoder:
    model, record = _open(path, "style_encoder")
    require_same_network(of_network, network, record, path)
    try:
        encoder = _encoder(_Weights(model))
    except (KeyError, ValueError, IndexError) as error:
        raise _foreign(path, error) from error
    image = draw_image(96, 128)
    cases = [VectorCase(image, encode_in_torch(encoder, image).numpy())]
    _require_agreement(path, measure_vectors(model.SerializeToString(), cases))
    return encoder


def _open(path: Path, kind: contract.Kind) -> tuple[onnx.ModelProto, ModelRecord]:
    model, record = read_model_file(path, "the .onnx file of a conditional network")
    if record.kind != kind or record.family != "conditional":
        raise ModelError(
            f"{path}: a {record.kind.replace('_', ' ')} of the family {record.family}; only conditional networks can "
            "be restored. Give the .onnx file of one"
        )
    if record.precision != "fp32":
        fp32 = path.name.replace(f".{record.precision}.onnx", ".onnx")
        raise ModelError(
            f"{path}: {record.precision}, so that its weights are rounded. Give the fp32 file of this network"
            f"{f', {fp32}' if fp32 != path.name else ''}"
        )
    return model, record


class _Weights:
    """The weights of a graph by the names of the nodes that read them; the graph stores equal arrays once.

    Methods raise KeyError where a node is missing, and ValueError for weights of the wrong shape.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self._nodes: dict[str, list[str]] = {node.name: list(node.input) for node in model.graph.node}

    def array(self, node: str, position: int) -> NDArray[np.float32]:
        """Input number `position` of a node, a float32 weight."""
        array = numpy_helper.to_array(self._tensors[self._nodes[node][position]])
        if array.dtype != np.float32:
            raise ValueError(f"{node} computes with {array.dtype}")
        return cast("NDArray[np.float32]", array)

    def count(self, pattern: str) -> int:
        """The number of nodes with the name `pattern`, numbered from 0 at its braces."""
        count = 0
        while pattern.format(count) in self._nodes:
            count += 1
        return count

    def fill(self, layer: nn.Conv2d | nn.Linear, node: str) -> None:
        """Copy a node's weights into the layer that it was made of."""
        self._copy(layer, self.array(node, 1), self.array(node, 2), node)

    def fill_noise(self, noise: FixedNoise, node: str) -> None:
        """Copy the noise tile, and the weights of the node that mixes it."""
        levels = numpy_helper.to_array(self._tensors[self._nodes[f"{node}/widened"][0]])
        noise.take(torch.from_numpy(levels.astype(np.float32) / LEVELS))
        self._fill_one(noise.weight, self.array(f"{node}/conv", 1) * LEVELS, f"{node}/conv")

    def fill_upsampling(self, layer: nn.Conv2d, node: str) -> None:
        """The same as `fill` for a convolution behind nearest upsampling, which may be written as phases."""
        kernel, bias = self.array(node, 1), self.array(node, 2)
        if kernel.shape[2:] == (2, 2):
            kernel, bias = kernel_of_upsampling_phases(kernel), bias[::4]
        self._copy(layer, kernel, bias, node)

    @staticmethod
    def _copy(layer: nn.Conv2d | nn.Linear, weight: NDArray[np.float32], bias: NDArray[np.float32], node: str) -> None:
        assert layer.bias is not None
        for parameter, array in ((layer.weight, weight), (layer.bias, bias)):
            _Weights._fill_one(parameter, array, node)

    @staticmethod
    def _fill_one(parameter: Tensor, array: NDArray[np.float32], node: str) -> None:
        if parameter.shape != array.shape:
            raise ValueError(f"{node} has weights of {array.shape}, not {tuple(parameter.shape)}")
        parameter.data.copy_(torch.from_numpy(np.array(array)))


def _network(weights: _Weights) -> ConditionalTransformer:
    network = ConditionalTransformer(
        quarter=len(weights.array("network/stem/conv", 1)),
        eighth=len(weights.array("network/down/conv", 1)),
        half=weights.array("network/up_full/conv", 1).shape[1],
        blocks=weights.count("network/trunk.{}/conv1/conv"),
    )
    weights.fill(network.stem, "network/stem/conv")
    weights.fill(network.down, "network/down/conv")
    weights.fill_noise(network.down_noise, "network/down_noise")
    weights.fill_noise(network.up_quarter_noise, "network/up_quarter_noise")
    for index, block in enumerate(cast("Iterable[ConditionalResidual]", network.trunk)):
        weights.fill(block.conv1, f"network/trunk.{index}/conv1/conv")
        weights.fill(block.conv2, f"network/trunk.{index}/conv2/conv")
    weights.fill_upsampling(network.up_quarter.conv, "network/up_quarter/conv")
    weights.fill_upsampling(network.up_half.conv, "network/up_half/conv")
    weights.fill_upsampling(network.up_full.conv, "network/up_full/conv")
    conditional_export.restore(network)
    return network.eval().requires_grad_(False)


def _encoder(weights: _Weights) -> StyleEncoder:
    widths = [
        len(weights.array(f"stages.{index}/enter/conv", 1)) for index in range(weights.count("stages.{}/enter/conv"))
    ]
    base = weights.array("vector", 1)
    encoder = StyleEncoder.from_configuration(widths, len(weights.array("hidden/gemm", 1)), base.size)
    for index, stage in enumerate(cast("Iterable[StyleEncoderStage]", encoder.stages)):
        weights.fill(stage.enter, f"stages.{index}/enter/conv")
        weights.fill(stage.refine, f"stages.{index}/refine/conv")
    weights.fill(encoder.hidden, "hidden/gemm")
    weights.fill(encoder.delta, "delta/gemm")
    encoder.base.data.copy_(torch.from_numpy(np.array(base)).reshape(-1))
    style_encoder_export.restore(encoder)
    return encoder.eval().requires_grad_(False)


def _check_network(network: ConditionalTransformer, model: onnx.ModelProto, style: Tensor) -> Sequence[Parity]:
    image = draw_image(96, 128)
    expected = stylise_in_torch(partial(network, style=style), image, conditional_export.WHITE)
    inputs = {entry.name for entry in model.graph.input}
    feeds: dict[str, Any] = {name: value for name, value in full_controls().items() if name in inputs}
    feeds[contract.STYLE] = style.numpy()
    return measure_images(model.SerializeToString(), [Case(image, expected, feeds)])


def _require_agreement(path: Path, parity: Sequence[Parity]) -> None:
    if any(not entry.psnr >= LEAST_PSNR for entry in parity):
        raise _foreign(path, f"the restored network gives another result, {parity[0].psnr:.1f} dB")


def _foreign(path: Path, reason: object) -> ModelError:
    return ModelError(
        f"{path}: not a conditional network of this version's exporter ({reason}). Export it again, or give the "
        "training's checkpoint"
    )
