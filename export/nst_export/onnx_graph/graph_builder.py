"""Builds an ONNX graph node by node: names, weights in one precision, symbolic sizes, the finished model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import onnx
from nst_rt import contract
from nst_rt.contract import ModelRecord
from nst_rt.errors import ModelError
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Precision = Literal["fp32", "fp16"]

UINT8, FLOAT32, FLOAT16 = TensorProto.UINT8, TensorProto.FLOAT, TensorProto.FLOAT16


class Branch:
    """One branch of an `If` node, made by `GraphBuilder.branch`."""

    result: str
    """Name of the tensor that it gives."""
    graph: onnx.GraphProto


class GraphBuilder:
    """Builds one ONNX graph. Tensors are plain names; nodes are named after the module they come from.

    Args:
        name: of the graph.
        precision: of weights and activations.
    """

    def __init__(self, name: str, precision: Precision = "fp32") -> None:
        self.name = name
        self.precision: Precision = precision
        self.float_type = FLOAT16 if precision == "fp16" else FLOAT32
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._initializers: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = {}
        self._scope: list[str] = []
        self._taken: set[str] = set()

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Names given inside begin with `name/`."""
        self._scope.append(name)
        try:
            yield
        finally:
            self._scope.pop()

    def _unique(self, name: str) -> str:
        path = "/".join([*self._scope, name])
        candidate, count = path, 1
        while candidate in self._taken:
            count += 1
            candidate = f"{path}_{count}"
        self._taken.add(candidate)
        return candidate

    def input(self, name: str, element_type: int, shape: Sequence[int | str]) -> str:
        """Declare a graph input; returns its name."""
        self._taken.add(name)
        self._inputs.append(helper.make_tensor_value_info(name, element_type, list(shape)))
        return name

    def output(self, value: str, name: str, element_type: int, shape: Sequence[int | str]) -> None:
        """Declare that the graph returns `value` under `name`."""
        for node in self._nodes:
            node.output[:] = [name if output == value else output for output in node.output]
            node.input[:] = [name if entry == value else entry for entry in node.input]
        self._outputs.append(helper.make_tensor_value_info(name, element_type, list(shape)))

    def constant(self, array: NDArray[Any], name: str) -> str:
        """An initializer of the array's own type; equal arrays are stored once."""
        array = np.ascontiguousarray(array)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._initializers:
            self._initializers[key] = numpy_helper.from_array(array, self._unique(name))
        return str(self._initializers[key].name)

    def weight(self, array: NDArray[Any], name: str) -> str:
        """An initializer in the graph's precision.

        Raises:
            ModelError: a value is NaN or infinite, or does not fit fp16.
        """
        if not np.isfinite(array).all():
            raise ModelError(
                f"weight {'/'.join([*self._scope, name])} holds NaN or infinity: the checkpoint is damaged"
            )
        if self.precision == "fp16":
            if np.abs(array).max(initial=0.0) > np.finfo(np.float16).max:
                raise ModelError(
                    f"weight {'/'.join([*self._scope, name])} reaches {np.abs(array).max():.3g}, more than fp16 can "
                    "hold. Export in fp32",
                    parameter="precision",
                )
            return self.constant(array.astype(np.float16), name)
        return self.constant(array.astype(np.float32), name)

    def integers(self, values: Sequence[int], name: str) -> str:
        """An int64 vector."""
        return self.constant(np.array(values, np.int64), name)

    def node(self, operator: str, inputs: Sequence[str], name: str | None = None, **attributes: Any) -> str:
        """Add a node with one output; returns the output's name. An empty input name leaves an optional input out."""
        return self.nodes(operator, inputs, 1, name, **attributes)[0]

    def nodes(
        self, operator: str, inputs: Sequence[str], outputs: int, name: str | None = None, **attributes: Any
    ) -> list[str]:
        """Add a node with several outputs; returns their names."""
        path = self._unique(name or operator.lower())
        names = [path] if outputs == 1 else [f"{path}.{index}" for index in range(outputs)]
        self._taken.update(names)
        self._nodes.append(helper.make_node(operator, list(inputs), names, name=path, **attributes))
        return names

    @contextmanager
    def branch(self, element_type: int) -> Iterator["Branch"]:
        """Nodes that are added inside belong to one branch of an `If`; see `choose`.

        They may read everything that the graph holds so far, while nothing outside reads them. Set the branch's
        `result` to the name of the tensor that it gives.

        Args:
            element_type: of the result.
        """
        outer, self._nodes = self._nodes, []
        branch = Branch()
        try:
            yield branch
            value = helper.make_tensor_value_info(branch.result, element_type, None)
            branch.graph = helper.make_graph(self._nodes, self._unique("branch"), [], [value])
        finally:
            self._nodes = outer

    def choose(self, condition: str, then: "Branch", otherwise: "Branch", name: str) -> str:
        """Compute one of two things (an If node); returns the result's name.

        Args:
            condition: bool (1).
            then, otherwise: made by `branch`, with results of one type.
        """
        return self.node("If", [condition], name, then_branch=then.graph, else_branch=otherwise.graph)

    def cast(self, value: str, element_type: int) -> str:
        """Cast to an ONNX element type."""
        return self.node("Cast", [value], to=element_type)

    def to_precision(self, value: str) -> str:
        """A float32 value in the graph's precision."""
        return value if self.float_type == FLOAT32 else self.cast(value, self.float_type)

    def to_float32(self, value: str) -> str:
        """A value of the graph's precision in float32."""
        return value if self.float_type == FLOAT32 else self.cast(value, FLOAT32)

    def finish(self, record: ModelRecord) -> onnx.ModelProto:
        """The finished model, with the record as its metadata. Nodes that nothing reads are left out.

        Raises:
            ModelError: ONNX's full check, which infers the shapes, rejects the graph.
        """
        used = {value.name for value in self._outputs}
        nodes: list[onnx.NodeProto] = []
        for node in reversed(self._nodes):
            if used.intersection(node.output):
                used.update(names_read(node))
                nodes.insert(0, node)
        graph = helper.make_graph(
            nodes,
            self.name,
            self._inputs,
            self._outputs,
            [tensor for tensor in self._initializers.values() if tensor.name in used],
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", contract.OPSET)],
            # 9 is the oldest IR version that every runtime for opset 18 reads well.
            ir_version=min(9, contract.MAX_IR_VERSION),
            producer_name=record.exporter.split(" ")[0] or "nst_export",
            producer_version=record.exporter.partition(" ")[2],
        )
        set_record(model, record)
        try:
            onnx.checker.check_model(model, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            raise ModelError(f"ONNX's checker rejects the {self.name} graph: {error}. Please report this") from error
        return model


def names_read(node: onnx.NodeProto) -> set[str]:
    """The tensors that a node reads; for an `If` also those of the surrounding graph that its branches read."""
    names = set(node.input)
    for attribute in node.attribute:
        inside = attribute.g.node
        names.update(*map(names_read, inside))
        names.difference_update(*(inner.output for inner in inside))
    return names


def set_record(model: onnx.ModelProto, record: ModelRecord) -> None:
    """Replace the model's metadata by the record's."""
    del model.metadata_props[:]
    helper.set_model_props(model, record.to_metadata())
