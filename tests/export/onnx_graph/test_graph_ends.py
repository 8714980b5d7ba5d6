"""What the ends of every graph promise to sessions that pin the sizes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from nst_export.families.adain_export import AdainExport
from nst_export.families.conditional_export import ConditionalExport
from nst_export.families.transformer_export import TransformerExport
from nst_export.networks.adain_network import AdaIn, build_decoder, build_encoder
from nst_export.onnx_graph.graph_builder import GraphBuilder
from nst_export.onnx_graph.graph_ends import close_frame, open_frame
from nst_rt.contract import ModelRecord
from tiny_networks import graph_of


def record(family, stride, size=0, precision="fp32"):
    return ModelRecord(kind="stylizer", family=family, precision=precision, stride=stride, style_size=size)


def all_nodes(graph):
    """The nodes of a graph and of its branches."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from all_nodes(attribute.g)


@pytest.fixture(params=["transformer", "conditional", "adain"])
def model(request, tiny_transformer, tiny_conditional, tiny_vgg):
    if request.param == "transformer":
        return graph_of(TransformerExport(tiny_transformer), record("transformer", 4))
    if request.param == "conditional":
        return graph_of(ConditionalExport(tiny_conditional), record("conditional", 8, tiny_conditional.style_size))
    preprocessing, encoder, decoder = tiny_vgg(3)
    network = AdaIn(build_encoder(preprocessing, encoder), build_decoder(decoder)).eval().requires_grad_(False)
    return graph_of(AdainExport(network), record("adain", 4, 2 * network.channels))


@pytest.mark.parametrize("size", [(48, 64), (37, 50)])
def test_pinned_sizes_leave_no_shape_arithmetic(model, tmp_path, size):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "pinned.onnx")
    for name, value in zip(("batch", "height", "width", "styles"), (1, *size, 1), strict=True):
        options.add_free_dimension_override_by_name(name, value)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    left = {node.op_type for node in all_nodes(onnx.load(tmp_path / "pinned.onnx").graph)}
    assert not left & {"Shape", "Mod", "Neg", "Gather", "Range"}
    assert session.get_outputs()[0].shape == [1, *size, 3]
    feeds = {"frame": np.zeros((1, *size, 3), np.uint8), "strength": np.ones(1, np.float32)}
    feeds["color"] = feeds["strength"]
    for entry in session.get_inputs():
        if entry.name == "style":
            feeds["style"] = np.ones(entry.shape, np.float32)
    assert session.run(None, feeds)[0].shape == (1, *size, 3)


def test_graphs_use_only_what_gpu_kernels_exist_for_at_opset_18(model):
    known = [
        "Add",
        "And",
        "Cast",
        "Clip",
        "Concat",
        "Conv",
        "DepthToSpace",
        "Div",
        "Equal",
        "Expand",
        "If",
        "InstanceNormalization",
        "MatMul",
        "MaxPool",
        "Mod",
        "Mul",
        "Neg",
        "Pad",
        "QuantizeLinear",
        "Relu",
        "Reshape",
        "Round",
        "Shape",
        "Slice",
        "Split",
        "Sub",
        "Tile",
        "Transpose",
    ]
    assert {node.op_type for node in all_nodes(model.graph)} <= {*known}


def test_fp16_graphs_have_no_branches_that_cuda_graphs_could_not_capture(tiny_conditional):
    export = ConditionalExport(tiny_conditional)
    model = export.build_graph(export.prepare("fp32"), record("conditional", 8, tiny_conditional.style_size, "fp16"))
    operators = {node.op_type for node in all_nodes(model.graph)}
    assert not operators & {"If", "QuantizeLinear"}
    assert {"Clip", "Round"} <= operators


@pytest.mark.parametrize("size", [(48, 64), (37, 50)])
def test_the_photograph_is_mixed_in_only_on_demand(tiny_conditional, run, size):
    """The same image, whichever branch paints it: a control a hair below 1 takes the one that mixes."""
    model = graph_of(ConditionalExport(tiny_conditional), record("conditional", 8, tiny_conditional.style_size))
    (choice,) = (node for node in model.graph.node if node.op_type == "If")
    branches = {attribute.name: {node.op_type for node in attribute.g.node} for attribute in choice.attribute}
    assert "MatMul" in branches["else_branch"]
    assert "MatMul" not in branches["then_branch"]
    # What follows the network runs inside a branch, so that only one of the two ways is gone.
    assert model.graph.node[-1].op_type == "If"
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 256, (2, *size, 3), np.uint8)
    style = rng.normal(1, 0.2, (2, tiny_conditional.style_size)).astype(np.float32)
    one, almost = np.ones(1, np.float32), np.full(1, 1 - 2**-20, np.float32)
    full = run(model, frame=frames, style=style, strength=one, color=one)
    assert len(np.unique(full)) > 20
    for strength, color in ((almost, one), (one, almost)):
        mixed = run(model, frame=frames, style=style, strength=strength, color=color)
        assert np.abs(full.astype(int) - mixed).max() <= 1
        assert (full != mixed).mean() < 0.001
    untouched = run(model, frame=frames, style=style, strength=0 * one, color=one)
    np.testing.assert_array_equal(untouched, frames)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("apart", [False, True])
def test_values_are_clamped_and_rounded_half_to_even(run, precision, apart):
    values = np.array([-1e4, -0.6, 0.4, 0.5, 1.5, 2.5, 127.49, 254.6, 255.5, 300, 3e4, 42], np.float32)
    graph = GraphBuilder("test", precision)
    frame = open_frame(graph, 1)
    shape = (1, 12, 8, 8) if apart else (1, 3, 16, 16)
    planes = np.resize(values, shape)
    image = graph.node("Identity", [graph.weight(planes, "planes")])
    close_frame(graph, frame, image, apart=apart)
    found = run(graph.finish(record("transformer", 1)), frame=np.zeros((1, 16, 16, 3), np.uint8))
    wanted = np.rint(planes.astype(np.float16).astype(np.float32) if precision == "fp16" else planes).clip(0, 255)
    if apart:
        wanted = wanted.reshape(1, 3, 2, 2, 8, 8).transpose(0, 1, 4, 2, 5, 3).reshape(1, 3, 16, 16)
    np.testing.assert_array_equal(found, wanted.transpose(0, 2, 3, 1).astype(np.uint8))
