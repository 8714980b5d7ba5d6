"""Torch modules to ONNX nodes, each type by its own rule: a network is defined once, in torch."""

from collections.abc import Collection

import numpy as np
from nst_rt.errors import ModelError
from torch import nn

from nst_export.networks.adaptive_network import LeastSize, ScaledSigmoid
from nst_export.networks.conditional_layers import UpsampleConv2d
from nst_export.networks.style_encoder_network import StyleEncoderStage
from nst_export.networks.transformer_network import ResidualBlock
from nst_export.onnx_graph.convolution_nodes import convolution, upsampled_convolution
from nst_export.onnx_graph.graph_builder import GraphBuilder
from nst_export.onnx_graph.normalization_nodes import instance_norm


class Emitter:
    """Walks modules and adds their nodes to a graph.

    Args:
        graph: where the nodes go.
        phases: use the two rewrites of `phases`.
        even: convolutions whose input always has an even height and width, which the second rewrite needs.
    """

    def __init__(self, graph: GraphBuilder, *, phases: bool = True, even: Collection[nn.Module] = ()) -> None:
        self.graph = graph
        self.phases = phases
        self.even = even

    def emit(self, name: str, module: nn.Module, value: str) -> str:
        """Nodes for `module` applied to `value`, under `name`; returns the result's name.

        Raises:
            ModelError: for a module type without a rule.
        """
        with self.graph.scope(name):
            return self.nodes_of(module, value)

    def nodes_of(self, module: nn.Module, value: str) -> str:
        """The same under the names of the scope that is open. Subclasses add the rules of their own modules."""
        match module:
            case nn.Conv2d():
                return convolution(self.graph, module, value, four_pixels=self.phases and module in self.even)
            case UpsampleConv2d():
                return upsampled_convolution(self.graph, module.conv, value, phases=self.phases)
            case nn.ReLU():
                return self.graph.node("Relu", [value])
            case nn.MaxPool2d():
                return self._max_pool(module, value)
            case nn.InstanceNorm2d():
                return instance_norm(self.graph, module, value)
            case nn.Sequential():
                return self._sequential(module, value)
            case ResidualBlock():
                hidden = self.emit("conv1", module.conv1, value)
                hidden = self.emit("relu", module.relu, self.emit("in1", module.in1, hidden))
                hidden = self.emit("in2", module.in2, self.emit("conv2", module.conv2, hidden))
                return self.graph.node("Add", [hidden, value])
            case StyleEncoderStage():
                entered = self.emit("relu", module.relu, self.emit("enter", module.enter, value))
                refined = self.emit("relu", module.relu, self.emit("refine", module.refine, entered))
                return self.graph.node("Add", [entered, refined])
            case LeastSize():
                return self._least_size(module, value)
            case ScaledSigmoid():
                white = self.graph.weight(np.full((), module.white), "white")
                return self.graph.node("Mul", [self.graph.node("Sigmoid", [value]), white])
        raise ModelError(f"no rule writes {type(module).__name__} as ONNX")

    def _max_pool(self, module: nn.MaxPool2d, value: str) -> str:
        if (module.kernel_size, module.stride, module.padding, module.ceil_mode) != (2, 2, 0, False):
            raise ModelError(f"no rule writes {module} as ONNX: only 2x2 pooling with stride 2")
        return self.graph.node("MaxPool", [value], kernel_shape=[2, 2], strides=[2, 2])

    def _sequential(self, module: nn.Sequential, value: str) -> str:
        """The layers one after the other; an upsampling together with the convolution that follows it."""
        upsampling: nn.Upsample | None = None
        for name, child in module.named_children():
            if upsampling is not None:
                if not isinstance(child, nn.Conv2d):
                    raise ModelError(f"no rule writes upsampling followed by {type(child).__name__} as ONNX")
                with self.graph.scope(name):
                    value = upsampled_convolution(self.graph, child, value, phases=self.phases)
                upsampling = None
            elif not isinstance(child, nn.Upsample):
                value = self.emit(name, child, value)
            elif child.mode == "nearest" and child.scale_factor == 2:
                upsampling = child
            else:
                raise ModelError(f"no rule writes {child} as ONNX: only nearest upsampling by 2")
        if upsampling is not None:
            raise ModelError(f"no rule writes {upsampling} as ONNX without a convolution behind it")
        return value

    def _least_size(self, module: LeastSize, value: str) -> str:
        graph = self.graph
        size = graph.node("Shape", [value], "size", start=2, end=4)
        missing = graph.node(
            "Max", [graph.node("Sub", [graph.integers([module.side], "side"), size]), graph.integers([0], "zero")]
        )
        pads = graph.node("Concat", [graph.integers([0] * 6, "none"), missing], "pads", axis=0)
        return graph.node("Pad", [value, pads], "enlarged", mode="edge")
