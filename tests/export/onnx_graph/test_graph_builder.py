"""The graph builder: names, shared weights, the finished model."""

import numpy as np
import onnx
import pytest
from nst_export.onnx_graph.graph_builder import FLOAT16, FLOAT32, GraphBuilder, names_read
from nst_rt.contract import IMAGE_METADATA, ModelRecord
from nst_rt.errors import ModelError

RECORD = ModelRecord(kind="stylizer", family="test", precision="fp32", stride=1, exporter="nst-rt 9.9")


def relu_graph(precision="fp32"):
    graph = GraphBuilder("test", precision)
    value = graph.input("x", graph.float_type, ["batch", 3])
    with graph.scope("layer"):
        value = graph.node("Relu", [value])
    return graph, value


def test_equal_weights_are_stored_once_and_unused_ones_not_at_all():
    graph, value = relu_graph()
    first, again = (graph.weight(np.ones(3), name) for name in ("one", "other"))
    assert first == again
    graph.weight(np.zeros(3), "unused")
    graph.output(graph.node("Add", [value, first]), "y", FLOAT32, ["batch", 3])
    model = graph.finish(RECORD)
    assert [tensor.name for tensor in model.graph.initializer] == [first]


def test_nodes_that_nothing_reads_are_left_out():
    graph, value = relu_graph()
    graph.node("Neg", [graph.node("Neg", [value])])
    graph.output(value, "y", FLOAT32, ["batch", 3])
    assert [node.op_type for node in graph.finish(RECORD).graph.node] == ["Relu"]


def test_a_choice_computes_one_branch_and_keeps_what_both_read(run):
    graph, value = relu_graph()
    flag = graph.input("flag", FLOAT32, [1])
    doubled = graph.node("Mul", [value, graph.weight(np.full((), 2), "two")], "doubled")  # read by a branch alone
    with graph.branch(FLOAT32) as shifted:
        inside = graph.node("Neg", [doubled])
        shifted.result = graph.node("Add", [inside, graph.weight(np.ones(3), "one")])
    with graph.branch(FLOAT32) as rooted:
        rooted.result = graph.node("Sqrt", [value])
    condition = graph.node("Equal", [flag, graph.weight(np.ones(1), "full")])
    value = graph.choose(condition, shifted, rooted, "choice")
    graph.output(value, "y", FLOAT32, ["batch", 3])
    model = graph.finish(RECORD)
    x = np.array([[4, 9, -1]], np.float32)
    np.testing.assert_array_equal(run(model, x=x, flag=np.ones(1, np.float32)), [[-7, -17, 1]])
    np.testing.assert_array_equal(run(model, x=x, flag=np.zeros(1, np.float32)), [[2, 3, 0]])
    choice = model.graph.node[-1]
    assert names_read(choice) == {condition, doubled, "layer/relu", "one"}


def test_nodes_are_named_after_their_place():
    graph, value = relu_graph()
    with graph.scope("layer"):
        value = graph.node("Relu", [value])
    graph.output(value, "y", FLOAT32, ["batch", 3])
    model = graph.finish(RECORD)
    assert [node.name for node in model.graph.node] == ["layer/relu", "layer/relu_2"]
    assert model.graph.output[0].name == model.graph.node[-1].output[0] == "y"


def test_the_model_keeps_to_old_readers_and_carries_the_record():
    graph, value = relu_graph()
    graph.output(value, "y", FLOAT32, ["batch", 3])
    model = graph.finish(RECORD)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
    assert model.ir_version <= 10
    assert (model.producer_name, model.producer_version) == ("nst-rt", "9.9")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata.items() >= IMAGE_METADATA.items()
    assert ModelRecord.from_metadata(metadata, "x") == RECORD


def test_precision_decides_the_type_of_weights():
    graph, value = relu_graph("fp16")
    weight = graph.weight(np.full(3, 1.5), "weight")
    assert graph.to_float32(value) != value
    graph.output(graph.node("Mul", [value, weight]), "y", FLOAT16, ["batch", 3])
    assert graph.finish(RECORD).graph.initializer[0].data_type == onnx.TensorProto.FLOAT16


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(ModelError, match="fp16 can hold"):
        GraphBuilder("test", "fp16").weight(np.array([1e6]), "weight")
    with pytest.raises(ModelError, match="damaged"):
        GraphBuilder("test").weight(np.array([np.nan]), "weight")


def test_invalid_graphs_are_refused():
    graph, value = relu_graph()
    graph.output(graph.node("NoSuchOperator", [value]), "y", FLOAT32, ["batch", 3])
    with pytest.raises(ModelError, match="rejects the test graph"):
        graph.finish(RECORD)
