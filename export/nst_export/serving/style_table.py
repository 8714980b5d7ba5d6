"""A model that looks up the style vector of a style's name, so that a server's clients need no vectors."""

from collections.abc import Mapping

import numpy as np
import onnx
from nst_rt import contract
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

STYLE_NAME = "style_name"

_LABELS = 2
"""Version of the ai.onnx.ml operators, the first one with this form of LabelEncoder."""


def style_table(vectors: Mapping[str, NDArray[np.float32]]) -> onnx.ModelProto:
    """A model of `style_name` string (batch, 1) -> `style` float32 (batch, S).

    A name that is not in the table makes the run fail, because its index is behind the last vector.

    Args:
        vectors: float32 (S,) by name; at least one.
    """
    table = np.stack(list(vectors.values())).astype(np.float32)
    nodes = [
        helper.make_node(
            "LabelEncoder",
            [STYLE_NAME],
            ["index"],
            name="index",
            domain="ai.onnx.ml",
            keys_strings=list(vectors),
            values_int64s=list(range(len(table))),
            default_int64=len(table),
        ),
        helper.make_node("Reshape", ["index", "flat"], ["row"], name="row"),
        helper.make_node("Gather", ["table", "row"], [contract.STYLE], name="lookup", axis=0),
    ]
    graph = helper.make_graph(
        nodes,
        "styles",
        [helper.make_tensor_value_info(STYLE_NAME, TensorProto.STRING, [contract.BATCH, 1])],
        [helper.make_tensor_value_info(contract.STYLE, TensorProto.FLOAT, [contract.BATCH, table.shape[1]])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([-1], np.int64), "flat")],
    )
    opsets = [helper.make_opsetid("", contract.OPSET), helper.make_opsetid("ai.onnx.ml", _LABELS)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="nst-rt")
    onnx.checker.check_model(model, full_check=True)
    return model
