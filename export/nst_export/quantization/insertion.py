"""Quantised convolutions in a finished graph: QuantizeLinear and DequantizeLinear pairs around the nodes chosen.

ONNX Runtime and OpenVINO take such pairs as the wish for one integer convolution. Everything else stays as the
exporter wrote it, symbolic sizes and all. `onnxruntime.quantization` could place the pairs too, but one scale for all
that a convolution writes costs 6 dB and more here: an instance normalisation stretches every channel to the same
contrast, and with it the coarse steps of the quiet ones. So the channels are brought to one scale by the weights, and
back to their own when their bytes become floats again. Paddings and the interleaving of pixels move bytes meanwhile, a
quarter of the memory.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from nst_rt.errors import ModelError
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

from nst_export.onnx_graph.graph_builder import names_read
from nst_export.quantization.convolutions import Convolution
from nst_export.quantization.graph_walk import in_order, readers, writer
from nst_export.quantization.steps import Steps

_LARGEST_SUM = 127
"""What two neighbouring weights of one sign may add up to, in integers, before both are rounded.

Without VNNI instructions x86 processors add two products of a byte and a weight in 16 bits, and what goes beyond is cut
off (vpmaddubsw). Rounding adds at most 1 to the sum, and 255 * 128 still fits. Unsigned weights would not be cut off
either, but make these convolutions slower than float32 on the processors that have VNNI.
"""


def quantise_weights(kernel: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Symmetric int8 (out, in, h, w) and the scale of each output channel, float32 (out,).

    Each channel takes as much of the eight bits as gives the same sums on every processor.
    """
    scales = (np.maximum(_largest_sums(kernel), 1e-8) / _LARGEST_SUM).astype(np.float32)
    integers = np.clip(np.rint(kernel / scales[:, None, None, None]), -127, 127).astype(np.int8)
    return integers, scales


def _largest_sums(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest sum of two neighbouring weights of one sign, or of one alone, for each output channel.

    Kernels read a channel's weights with the input channels innermost; the order of the file counts too, so that
    nothing depends on how one of them packs its weights.
    """
    orders = [order.reshape(len(kernel), -1) for order in (np.moveaxis(kernel, 1, -1), kernel)]
    sums = []
    for weights in orders:
        for one_sign in (np.maximum(weights, 0), np.maximum(-weights, 0)):
            following = np.pad(one_sign[:, 1:], ((0, 0), (0, 1)))  # the last one stands alone
            sums.append((one_sign + following).max(1))
    largest: NDArray[np.float32] = np.max(sums, axis=0)
    return largest


def quantise(model: onnx.ModelProto, steps: Mapping[str, Steps], chosen: Sequence[Convolution]) -> onnx.ModelProto:
    """A copy of an fp32 model in which the chosen convolutions read and write bytes.

    Args:
        steps: for the source and the landing of every chosen convolution; see `calibrate`.

    Raises:
        ModelError: ONNX's checker rejects the result.
    """
    quantised = onnx.ModelProto()
    quantised.CopyFrom(model)
    insertion = _Insertion(quantised.graph, steps)
    for convolution in chosen:
        insertion.convolution(convolution)
    try:
        insertion.finish()
        onnx.checker.check_model(quantised, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        raise ModelError(f"the quantised graph came out invalid: {error}. Please report this") from error
    return quantised


class _Insertion:
    """Rewrites one graph in place. New nodes stand at its end until `finish` puts them where they belong."""

    def __init__(self, graph: onnx.GraphProto, steps: Mapping[str, Steps]) -> None:
        self._graph = graph
        self._steps = steps
        self._weights = {tensor.name: tensor for tensor in graph.initializer}

    def convolution(self, convolution: Convolution) -> None:
        """Quantise the source, the weights and the result of one convolution."""
        node = next(node for node in self._graph.node if node.name == convolution.name)
        read, written = self._steps[convolution.source], self._steps[convolution.landing]
        source = self._quantised_source(convolution)
        pad = writer(self._graph, node.input[0])
        if node.input[0] != convolution.source and pad is not None:
            pad.input[0], source = source, pad.output[0]
        kernel, scales = quantise_weights(self._array(node.input[1]))
        bias = self._array(node.input[2]) if len(node.input) > 2 else np.zeros(len(kernel), np.float32)
        # Channel c comes out as factor * y + zero * scale: every channel then fills the bytes from 0 to 255.
        phases = len(kernel) // len(written.scale)
        own, zero = np.repeat(written.scale, phases), np.repeat(written.zero, phases)
        scale = own.max()
        scales = scales * (scale / own)
        units = scales * read.scale  # of the integer sums, as integer kernels want the bias
        sums = np.rint((bias.astype(np.float64) * (scale / own) + zero * scale) / units)
        limits = np.iinfo(np.int32)
        node.input[:] = [
            self._node("DequantizeLinear", [source, *self._parameters(convolution.source)], f"{node.name}/input"),
            self._dequantised(f"{node.name}/weight_of_channels", kernel, scales),
            self._dequantised(
                f"{node.name}/bias_of_channels", sums.clip(limits.min, limits.max).astype(np.int32), units
            ),
        ]
        node.output[0] = f"{node.name}/sums"
        parameters = [
            self._constant(f"{node.name}/scale", np.array(scale, np.float32)),
            self._constant(f"{node.name}/zero", np.array(0, np.uint8)),
        ]
        value = self._node("QuantizeLinear", [node.output[0], *parameters], f"{node.name}/output")
        self._land(convolution, value)

    def _quantised_source(self, convolution: Convolution) -> str:
        name = f"{convolution.source}/quantised"  # once for all convolutions that read the tensor
        if writer(self._graph, name) is None:
            self._node("QuantizeLinear", [convolution.source, *self._parameters(convolution.source)], name)
        return name

    def _land(self, convolution: Convolution, value: str) -> None:
        """Take the bytes along the result's path, and make floats of them at its end."""
        tensor = convolution.result
        while tensor != convolution.landing:
            following = tensor
            for node in readers(self._graph, tensor):
                node.input[:] = [value if name == tensor else name for name in node.input]
                if node.op_type != "Shape":
                    following, node.output[0] = node.output[0], f"{node.output[0]}/bytes"
                    moved = node.output[0]
            tensor, value = following, moved
        steps = self._steps[tensor]
        parameters = [
            self._constant(f"{tensor}/scale_of_channels", steps.scale),
            self._constant(f"{tensor}/zero_of_channels", steps.zero),
        ]
        self._graph.node.append(
            helper.make_node("DequantizeLinear", [value, *parameters], [tensor], name=f"{tensor}/floats", axis=1)
        )

    def _parameters(self, tensor: str) -> list[str]:
        steps = self._steps[tensor]
        return [
            self._constant(f"{tensor}/scale_of_all", steps.scale.reshape(())),
            self._constant(f"{tensor}/zero_of_all", steps.zero.reshape(())),
        ]

    def _dequantised(self, name: str, integers: NDArray[Any], scales: NDArray[np.float32]) -> str:
        parts = {"integers": integers, "scale": scales, "zero": np.zeros(len(scales), integers.dtype)}
        inputs = [self._constant(f"{name}/{part}", array) for part, array in parts.items()]
        return self._node("DequantizeLinear", inputs, name, axis=0)

    def _array(self, weight: str) -> NDArray[np.float32]:
        array: NDArray[np.float32] = numpy_helper.to_array(self._weights[weight])
        return array

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        if name not in self._weights:
            self._weights[name] = numpy_helper.from_array(array, name)
            self._graph.initializer.append(self._weights[name])
        return name

    def _node(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        self._graph.node.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def finish(self) -> None:
        """Order the nodes and drop the weights that nothing reads any more.

        Raises:
            ValueError: the nodes have no order.
        """
        nodes: list[NodeProto] = list(in_order(self._graph))
        used = set[str]().union(*map(names_read, nodes))
        kept = [tensor for tensor in self._graph.initializer if tensor.name in used]
        del self._graph.node[:], self._graph.initializer[:]
        self._graph.node.extend(nodes)
        self._graph.initializer.extend(kept)
