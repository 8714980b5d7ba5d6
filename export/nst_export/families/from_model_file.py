"""A conditional network read back from the files that `nst-rt export conditional` wrote.

The weights stand in the graph as they are used there: colour order and value range folded in, upsampling convolutions
as four phases. Each folding is undone by the function beside it.
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

from nst_export.checkpoints.conditional import ConditionalWeights
from nst_export.families import conditional, style_encoder
from nst_export.model_files.model_file import read_model_file
from nst_export.model_files.styles_file import RECORDED, fits
from nst_export.networks.conditional import ConditionalResidual, ConditionalTransformer
from nst_export.networks.noise import LEVELS, FixedNoise
from nst_export.networks.style_encoder import StyleEncoder, StyleEncoderStage
from nst_export.onnx_graph.emit import kernel_of_phases
from nst_export.onnx_graph.frame import full_controls
from nst_export.parity.parity import LEAST_PSNR, Case, measure_images, measure_vectors, stylise_in_torch
from nst_export.parity.sample_images import draw_image


def read_exported(path: Path) -> ConditionalWeights:
    """The network of NAME.onnx, with the styles of NAME.styles.json and the encoder of NAME.encoder.onnx beside it.

    What was read is run on a drawn image and held against the files.

    Raises:
        InputError: no such file.
        ModelError: damaged, fp16, no conditional network of our exporter, or files of different networks.
        StyleError: a malformed styles file.
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
            f"{files.styles}: {foreign[0].name!r} belongs to another network than {path.name} beside it. Export both "
            "again, or remove it"
        )
    styles = {style.name: torch.from_numpy(style.vector) for style in named}
    vector = next(iter(styles.values()), network.neutral_style()[0])[None]
    _require_agreement(path, _check_network(network, model, vector))
    weights = ConditionalWeights(
        network,
        styles,
        {style.name: {key: text for key in RECORDED if (text := getattr(style, key))} for style in named},
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
    _require_agreement(path, measure_vectors(encoder, [draw_image(96, 128)], model.SerializeToString()))
    return encoder


def _open(path: Path, kind: contract.Kind) -> tuple[onnx.ModelProto, ModelRecord]:
    model, record = read_model_file(path, "the .onnx file of a conditional network")
    if record.kind != kind or record.family != "conditional":
        raise ModelError(
            f"{path}: a {record.kind.replace('_', ' ')} of the family {record.family}; only conditional networks can "
            "be read back. Give the .onnx file that `nst-rt export conditional` wrote"
        )
    if record.precision != "fp32":
        fp32 = path.name.replace(f".{record.precision}.onnx", ".onnx")
        raise ModelError(
            f"{path}: {record.precision}, whose weights were rounded and rescaled. Give the fp32 file of this network"
            f"{f', {fp32}' if fp32 != path.name else ''}"
        )
    return model, record


class _Weights:
    """The weights of a graph, by the names of the nodes that use them: equal arrays are stored once, under one name.

    Methods raise KeyError where a node is missing, and ValueError for weights of another shape than wanted.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self._nodes: dict[str, list[str]] = {node.name: list(node.input) for node in model.graph.node}

    def array(self, node: str, position: int) -> NDArray[np.float32]:
        """Input number `position` of a node."""
        array = numpy_helper.to_array(self._tensors[self._nodes[node][position]])
        if array.dtype != np.float32:
            raise ValueError(f"{node} computes with {array.dtype}")
        return cast("NDArray[np.float32]", array)

    def count(self, pattern: str) -> int:
        """How many nodes there are of the name `pattern`, numbered from 0 at its braces."""
        count = 0
        while pattern.format(count) in self._nodes:
            count += 1
        return count

    def fill(self, layer: nn.Conv2d | nn.Linear, node: str) -> None:
        """Copy a node's weights into the layer that it was written from."""
        self._copy(layer, self.array(node, 1), self.array(node, 2), node)

    def fill_noise(self, noise: FixedNoise, node: str) -> None:
        """Copy the weights of a node that mixes noise, and the noise."""
        levels = numpy_helper.to_array(self._tensors[self._nodes[f"{node}/widened"][0]])
        noise.take(torch.from_numpy(levels.astype(np.float32) / LEVELS))
        self._fill_one(noise.weight, self.array(f"{node}/conv", 1) * LEVELS, f"{node}/conv")

    def fill_upsampling(self, layer: nn.Conv2d, node: str) -> None:
        """The same for a convolution behind nearest upsampling, written as phases or as it is."""
        kernel, bias = self.array(node, 1), self.array(node, 2)
        if kernel.shape[2:] == (2, 2):
            kernel, bias = kernel_of_phases(kernel), bias[::4]
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
    conditional.restore(network)
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
    style_encoder.restore(encoder)
    return encoder.eval().requires_grad_(False)


def _check_network(network: ConditionalTransformer, model: onnx.ModelProto, style: Tensor) -> Sequence[Parity]:
    image = draw_image(96, 128)
    expected = stylise_in_torch(partial(network, style=style), image, conditional.WHITE)
    inputs = {entry.name for entry in model.graph.input}
    feeds: dict[str, Any] = {name: value for name, value in full_controls().items() if name in inputs}
    feeds[contract.STYLE] = style.numpy()
    return measure_images(model.SerializeToString(), [Case(image, expected, feeds)])


def _require_agreement(path: Path, parity: Sequence[Parity]) -> None:
    if any(not entry.psnr >= LEAST_PSNR for entry in parity):
        raise _foreign(path, f"what was read paints another image, {parity[0].psnr:.1f} dB")


def _foreign(path: Path, reason: object) -> ModelError:
    return ModelError(
        f"{path}: not the network that this nst-rt's exporter writes ({reason}). Give a file that "
        "`nst-rt export conditional` of this version wrote, or the training's checkpoint"
    )
