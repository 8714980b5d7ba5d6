"""Steps, the paths of bytes through a graph, and integer convolutions against those in float32."""

from pathlib import Path

import nst_rt
import numpy as np
import onnx
import onnxruntime
import pytest
from nst_export.onnx_graph.graph_builder import FLOAT32, GraphBuilder
from nst_export.quantization.calibration import calibrate
from nst_export.quantization.choosing import choose, names, without_ends
from nst_export.quantization.convolutions import Convolution, find_convolutions
from nst_export.quantization.graph_walk import in_order, readers
from nst_export.quantization.insertion import quantise, quantise_weights
from nst_export.quantization.steps import Steps, steps_of_least_loss
from nst_rt.contract import ModelRecord
from nst_rt.errors import ModelError
from onnx import numpy_helper

RECORD = ModelRecord(kind="stylizer", family="test", precision="fp32", stride=1)
GAINS = np.array([1, 0.01, 30, 0.2], np.float32)
"""What the four channels of `network` are multiplied by: a quiet one next to a loud one."""


def features(batch=1, size=(12, 10), seed=0):
    return np.random.default_rng(seed).normal(size=(batch, 3, *size)).astype(np.float32)


@pytest.fixture
def network():
    """`x` (batch, 3, h, w), padded, convolved to channels of very different loudness, and clamped from above."""
    random = np.random.default_rng(1)
    graph = GraphBuilder("test")
    value = graph.input("x", FLOAT32, ["batch", 3, "height", "width"])
    kernel = random.normal(size=(4, 3, 3, 3)).astype(np.float32) * GAINS[:, None, None, None]
    value = graph.node("Pad", [value, graph.integers([0, 0, 1, 1, 0, 0, 1, 1], "pads")], "pad", mode="reflect")
    value = graph.node("Conv", [value, graph.weight(kernel, "kernel"), graph.weight(GAINS, "offsets")], "conv")
    value = graph.node("Mul", [value, graph.constant(np.float32(2) * np.ones((), np.float32), "two")], "double")
    graph.output(value, "y", FLOAT32, ["batch", 4, "height", "width"])
    return graph.finish(RECORD)


def quantised(model):
    convolutions = find_convolutions(model, {"x": features(2)})
    return quantise(
        model, calibrate(model, convolutions, [{"x": features(seed=seed)} for seed in range(4)]), convolutions
    )


def optimised_operators(model, path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(path).graph.node]


def test_zero_is_a_step_and_the_ends_are_reached():
    steps = Steps.between(np.array([-1.0, 2.0], np.float32), np.array([1.55, 5.1], np.float32))
    np.testing.assert_allclose(steps.scale, [0.01, 0.02], rtol=1e-6)
    assert steps.zero.tolist() == [100, 0]
    found = steps.restore(np.array([[0, -9, 0.014, 9], [0, -9, 0.031, 9]], np.float32))
    np.testing.assert_allclose(found, [[0, -1, 0.01, 1.55], [0, 0, 0.04, 5.1]], atol=1e-5)


def test_a_far_value_is_cut_off_where_the_others_gain():
    values = np.random.default_rng(0).normal(size=(1, 5000)).astype(np.float32)
    near = steps_of_least_loss(values, values.min(1), values.max(1))
    far = steps_of_least_loss(values, np.array([-400], np.float32), values.max(1))
    assert near.scale[0] == pytest.approx(7 / 255, rel=0.2)
    assert far.scale[0] < 25 / 255  # and not 404 / 255
    # Where the far value is worth as much as all others together, it is kept.
    pair = np.array([[0.0, 0.1, -400.0]], np.float32)
    assert steps_of_least_loss(pair, pair.min(1), pair.max(1)).scale[0] == pytest.approx(400.1 / 255, rel=1e-3)


def integer_kernels(model):
    """The int8 weights of every quantised convolution, int64 (out, in, h, w)."""
    writers = {node.output[0]: node for node in model.graph.node}
    weights = [writers.get(node.input[1]) for node in model.graph.node if node.op_type == "Conv"]
    names = [node.input[0] for node in weights if node is not None and node.op_type == "DequantizeLinear"]
    arrays = {tensor.name: tensor for tensor in model.graph.initializer}
    return [numpy_helper.to_array(arrays[name]).astype(int) for name in names]


def sums_in_16_bits(kernel):
    """What x86 processors without VNNI instructions add up in 16 bits, at most: two products of 255 and a weight."""
    flat = [order.reshape(len(kernel), -1) for order in (kernel.transpose(0, 2, 3, 1), kernel)]
    pairs = [np.stack([weights[:, :-1], weights[:, 1:]]) for weights in flat]
    return np.stack([sign * 255 * (sign * pair).clip(0).sum(0) for pair in pairs for sign in (-1, 1)])


def same_on_every_processor(kernel):
    sums = sums_in_16_bits(kernel)
    return bool(sums.min(initial=0) >= -(2**15) and sums.max(initial=0) < 2**15)


def test_neighbouring_weights_never_leave_16_bits():
    random = np.random.default_rng(0)
    for shape in ((5, 3, 2, 2), (8, 6, 3, 3), (4, 7, 1, 1), (4, 1, 1, 1)):
        kernel = random.normal(size=shape).astype(np.float32) * GAINS.max()
        kernel[2] = 0
        integers, scales = quantise_weights(kernel)
        assert same_on_every_processor(integers.astype(int))
        assert np.abs(integers * scales[:, None, None, None] - kernel).max() <= scales.max() / 2 * 1.001
    full = np.full((1, 1, 1, 2), 127)
    assert not same_on_every_processor(full)
    assert not same_on_every_processor(-full)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([1.0, 0.0, 1.0, 0.0], [127, 0, 127, 0]),
        ([1.0, -1.0, 1.0, -1.0], [127, -127, 127, -127]),  # never both at once
        ([1.0, 1.0, 0.0, 0.0], [64, 64, 0, 0]),
        ([0.0, 0.0, -0.5, -2.0], [0, 0, -25, -102]),
        ([0.0, 0.0, 0.0, 0.0], [0, 0, 0, 0]),
    ],
)
def test_weights_use_as_much_of_int8_as_their_neighbours_allow(weights, expected):
    kernel = np.array(weights, np.float32).reshape(1, 4, 1, 1)
    for placed in (kernel, kernel.transpose(0, 2, 3, 1)):
        assert quantise_weights(placed)[0].ravel().tolist() == expected


def test_the_built_in_network_is_the_same_on_every_processor():
    kernels = integer_kernels(onnx.load(Path(nst_rt.__file__).parent / "models" / "conditional.int8.onnx"))
    assert kernels
    assert all(same_on_every_processor(kernel) for kernel in kernels)


def test_every_channel_is_as_exact_as_its_own_loudness_allows(network, run):
    x = features(seed=2)  # one of those calibrated on: what lies outside would be cut off
    model = quantised(network)
    assert all(same_on_every_processor(kernel) for kernel in integer_kernels(model))  # also where this one has VNNI
    wanted, found = run(network, x=x), run(model, x=x)
    error = np.sqrt(np.square(found - wanted).mean((0, 2, 3))) / wanted.std((0, 2, 3))
    assert 0 < error.min() <= error.max() < 0.03  # one scale for all would leave the quiet channel nothing: error 1


def test_bytes_are_padded_and_convolved_as_integers(network, tmp_path):
    model = quantised(network)
    (pad,) = (node for node in model.graph.node if node.op_type == "Pad")
    assert pad.input[0] == "x/quantised"
    operators = optimised_operators(model, tmp_path / "optimised.onnx")
    assert any("QLinearConv" in operator for operator in operators)
    assert "Conv" not in operators
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert onnx.TensorProto.INT8 in kinds.values()
    assert "kernel" not in kinds


def test_batches_and_sizes_stay_free(network, run):
    model = quantised(network)
    x = features(3, (17, 8), seed=5)
    whole = run(model, x=x)
    np.testing.assert_array_equal(whole[1:2], run(model, x=x[1:2]))


def test_no_convolution_is_an_error():
    graph = GraphBuilder("test")
    value = graph.input("x", FLOAT32, ["batch", 3, "height", "width"])
    graph.output(graph.node("Relu", [value]), "y", FLOAT32, ["batch", 3, "height", "width"])
    with pytest.raises(ModelError, match="no convolution"):
        find_convolutions(graph.finish(RECORD), {"x": features(2)})


def test_nodes_are_put_in_order_or_refused(network):
    graph = network.graph
    wanted = [node.name for node in graph.node]
    backwards = list(graph.node)[::-1]
    del graph.node[:]
    graph.node.extend(backwards)
    assert [node.name for node in in_order(graph)] == wanted
    graph.node[0].input[0] = "nowhere"
    with pytest.raises(ValueError, match="reads what no node writes"):
        list(in_order(graph))


def test_a_branch_waits_for_what_it_reads_and_keeps_its_weights():
    graph = GraphBuilder("test")
    value, flag = graph.input("x", FLOAT32, ["batch", 3]), graph.input("flag", FLOAT32, [1])
    condition = graph.node("Equal", [flag, graph.weight(np.ones(1), "one")], "condition")
    shown = graph.node("Relu", [value], "shown")
    weight = graph.weight(np.full(3, 2), "inside")
    with graph.branch(FLOAT32) as doubled:
        doubled.result = graph.node("Mul", [shown, weight])
    with graph.branch(FLOAT32) as negated:
        negated.result = graph.node("Neg", [shown])
    value = graph.choose(condition, doubled, negated, "if")
    graph.output(value, "y", FLOAT32, ["batch", 3])
    model = graph.finish(RECORD)
    nodes = {node.name: node for node in model.graph.node}
    del model.graph.node[:]
    model.graph.node.extend([nodes["if"], nodes["condition"], nodes["shown"]])
    # An If stands behind what only its branches read, and counts as a reader of it.
    assert [node.name for node in in_order(model.graph)] == ["condition", "shown", "if"]
    assert [node.name for node in readers(model.graph, shown)] == ["if"]
    assert "inside" in {tensor.name for tensor in quantise(model, {}, []).graph.initializer}


def convolution(name, multiplications):
    return Convolution(f"{name}/conv", name, name, name, multiplications)


def test_what_hurts_most_for_what_it_saves_is_left_out_first():
    all_of_them = [convolution("a", 10), convolution("b", 1000), convolution("c", 100), convolution("d", 100)]
    harm = {"a/conv": 1.0, "b/conv": 30.0, "c/conv": 8.0, "d/conv": 2.0}
    asked = []

    def chosen(allowed):
        def good(some):
            asked.append(len(some))
            return sum(harm[entry.name] for entry in some) <= allowed

        asked.clear()
        return names(choose(all_of_them, lambda one: harm[one.name], good))

    assert (chosen(41), asked) == (["a", "b", "c", "d"], [4])
    assert (chosen(32), asked) == (["b", "d"], [4, 3, 2])
    assert (chosen(30), asked) == (["d"], [4, 3, 2, 1])
    assert chosen(1) == []
    assert names(without_ends(all_of_them)) == ["b", "c"]
