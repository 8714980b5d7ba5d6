"""A stylising graph for servers, which put frames of several clients into one batch: every frame has its own inputs.

The model contract has `strength` and `color` once for a batch, and `style` once or for each frame. Triton batches only
models whose inputs all have the batch as their first dimension.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx
from nst_rt import contract
from nst_rt.contract import ModelRecord
from nst_rt.errors import ModelError
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from nst_export.parity.parity import LEAST_PSNR, compare_images, open_session, run_frame
from nst_export.parity.sample_images import draw_image
from nst_export.serving.triton_options import Size

CONTROLS = (contract.STRENGTH, contract.COLOR)
ARITHMETIC = ("Add", "Sub", "Mul", "Div")
ELEMENTWISE = (*ARITHMETIC, "Cast", "Identity", "Equal", "And", "Or", "Not")

CHECKED_SIZE = (96, 128)
"""Height and width that a rewritten graph is checked at, if it takes every size."""


def batched(model: onnx.ModelProto, source: str, size: Size | None = None) -> onnx.ModelProto:
    """A copy whose inputs all have one row for each frame: `style` (batch, S), `strength` and `color` (batch, 1).

    Args:
        model: a stylising model of the contract.
        source: the file's name, for messages.
        size: the only frame size that the copy accepts; every size if None.

    Raises:
        ModelError: the graph uses an input in a way that cannot be rewritten.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    ranks = _ranks(copy)
    graph = copy.graph
    for one in _graphs(graph):
        del one.value_info[:]  # the shapes before the change
    for value in (*graph.input, *graph.output):
        dimensions = value.type.tensor_type.shape.dim
        if value.name in CONTROLS:
            value.type.tensor_type.shape.CopyFrom(
                helper.make_tensor_value_info("", 1, [contract.BATCH, 1]).type.tensor_type.shape
            )
        elif value.name == contract.STYLE:
            if not dimensions[0].dim_param:
                raise ModelError(
                    f"{source}: takes one style for a whole batch, while a server's batch has frames of several "
                    "clients. Export its checkpoint again with this version of nst-rt"
                )
            dimensions[0].dim_param = contract.BATCH
        elif size is not None:
            dimensions[1].dim_value, dimensions[2].dim_value = size
    sizes = {tensor.name: int(np.prod(tensor.dims)) for one in _graphs(graph) for tensor in one.initializer}
    _Spreading(ranks, sizes, source).spread(graph, {value.name for value in graph.input} & {*CONTROLS})
    try:
        onnx.checker.check_model(copy, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(
            f"{source}: cannot be rewritten for batches of different styles ({error}). Please report this"
        ) from error
    return copy


def check_batched(
    model: onnx.ModelProto,
    rewritten: onnx.ModelProto,
    record: ModelRecord,
    vectors: Sequence[NDArray[np.float32]],
    source: str,
) -> None:
    """Compare a rewritten graph, on a batch of two different frames, with the model itself on each frame alone.

    Args:
        model, rewritten: the model and what `batched` made of it.
        vectors: two style vectors (S,); none for a style that is baked in.
        source: the file's name, for messages.

    Raises:
        ModelError: the images differ.
    """
    frame = next(value for value in rewritten.graph.input if value.name == contract.FRAME)
    height, width = (dimension.dim_value for dimension in frame.type.tensor_type.shape.dim[1:3])
    if not height:
        height, width = CHECKED_SIZE
    images = [draw_image(height, width, seed) for seed in (1, 2)]
    rows: dict[str, NDArray[np.float32]] = {}
    if record.style_size:
        rows[contract.STYLE] = np.stack(vectors)
    given = {value.name for value in rewritten.graph.input}
    for name, values in zip(CONTROLS, ((1.0, 0.4), (0.3, 1.0)), strict=True):
        if name in given:
            rows[name] = np.array(values, np.float32)[:, None]
    ours, theirs = open_session(model.SerializeToString()), open_session(rewritten.SerializeToString())
    together = theirs.run([contract.STYLIZED], {contract.FRAME: np.stack(images), **rows})[0]
    for index, image in enumerate(images):
        feeds = {name: row[index : index + 1] for name, row in rows.items()}
        feeds |= {name: feeds[name].reshape(1) for name in CONTROLS if name in feeds}
        parity = compare_images(run_frame(ours, image, **feeds), together[index])
        if parity.psnr < LEAST_PSNR:
            raise ModelError(
                f"{source}: in a batch with other styles a frame gives another image ({parity.psnr:.1f} dB). Nothing "
                "was written. Please report this"
            )


def _ranks(model: onnx.ModelProto) -> dict[str, int]:
    """Numbers of dimensions by name, where shape inference finds them."""
    found: dict[str, int] = {}
    for graph in _graphs(onnx.shape_inference.infer_shapes(model).graph):
        for value in (*graph.value_info, *graph.input, *graph.output):
            if value.type.tensor_type.HasField("shape"):
                found[value.name] = len(value.type.tensor_type.shape.dim)
        found |= {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    return found


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and those of its branches."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


class _Spreading:
    """Reshapes (batch, 1) inputs where a node combines them with tensors of more dimensions.

    Args:
        ranks: numbers of dimensions by name, in the graph before the change.
        sizes: numbers of values of the constants, by name.
        source: the file's name, for messages.
    """

    def __init__(self, ranks: Mapping[str, int], sizes: Mapping[str, int], source: str) -> None:
        self._ranks, self._sizes, self._source = ranks, sizes, source

    def spread(self, graph: onnx.GraphProto, columns: set[str]) -> None:
        """Rewrite a graph in which the values in `columns` have changed from (1) to (batch, 1)."""
        nodes: list[onnx.NodeProto] = []
        added: set[str] = set()

        def reshaped(column: str, rank: int) -> str:
            name = f"batch/{column}_{rank}"
            if name not in added:
                added.add(name)
                shape = numpy_helper.from_array(np.array([-1, *[1] * (rank - 1)], np.int64), f"{name}_shape")
                graph.initializer.append(shape)
                nodes.append(helper.make_node("Reshape", [column, shape.name], [name], name=name))
            return name

        for node in graph.node:
            if node.op_type == "If" and node.input[0] in columns:
                # The branch for full controls is only for batches in which every frame has full controls.
                condition = f"batch/{node.input[0]}"
                nodes += [
                    helper.make_node("Cast", [node.input[0]], [f"{condition}_each"], to=TensorProto.INT32),
                    helper.make_node("ReduceMin", [f"{condition}_each"], [f"{condition}_least"], keepdims=0),
                    helper.make_node("Cast", [f"{condition}_least"], [f"{condition}_all"], to=TensorProto.BOOL),
                ]
                node.input[0] = f"{condition}_all"
            others = [name for name in node.input if name not in columns]
            if len(others) < len(node.input):
                rank = self._rank_beside(node, others)
                if rank is None:
                    columns.update(node.output)
                else:
                    node.input[:] = [reshaped(name, rank) if name in columns else name for name in node.input]
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    self.spread(attribute.g, {*columns})
            nodes.append(node)
        copied = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del graph.node[:]
        graph.node.extend(copied)

    def _rank_beside(self, node: onnx.NodeProto, others: Sequence[str]) -> int | None:
        """The number of dimensions that a column needs at a node; None if the result is a column again."""
        if node.op_type in ELEMENTWISE and all(self._sizes.get(name) == 1 for name in others):
            return None
        if node.op_type in ARITHMETIC and len(others) == 1 and others[0] in self._ranks:
            # A constant has no batch dimension; a tensor that was computed from frames has.
            return self._ranks[others[0]] + (others[0] in self._sizes)
        raise ModelError(
            f"{self._source}: the node {node.op_type} {node.name!r} reads strength or color, and cannot take one for "
            "each frame. Export the model again without controls"
        )
