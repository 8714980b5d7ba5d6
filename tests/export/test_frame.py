"""What the ends of every graph promise to sessions that pin the sizes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from nst_export.families import adain, conditional, transformer
from nst_export.networks.adain import AdaIn, build_decoder, build_encoder
from nst_rt.contract import ModelRecord


def record(family, stride, size=0):
    return ModelRecord(kind="stylizer", family=family, precision="fp32", stride=stride, style_size=size)


@pytest.fixture(params=["transformer", "conditional", "adain"])
def model(request, tiny_transformer, tiny_conditional, tiny_vgg):
    if request.param == "transformer":
        return transformer.build_graph(transformer.prepare(tiny_transformer, "fp32", []), record("transformer", 4))
    if request.param == "conditional":
        prepared = conditional.prepare(tiny_conditional, "fp32", [], [])
        return conditional.build_graph(prepared, record("conditional", 8, tiny_conditional.style_size))
    preprocessing, encoder, decoder = tiny_vgg(3)
    network = AdaIn(build_encoder(preprocessing, encoder), build_decoder(decoder)).eval().requires_grad_(False)
    return adain.build_graph(adain.prepare(network, "fp32", [], []), record("adain", 4, 2 * network.channels))


@pytest.mark.parametrize("size", [(48, 64), (37, 50)])
def test_pinned_sizes_leave_no_shape_arithmetic(model, tmp_path, size):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "pinned.onnx")
    for name, value in zip(("batch", "height", "width", "styles"), (1, *size, 1), strict=True):
        options.add_free_dimension_override_by_name(name, value)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    left = {node.op_type for node in onnx.load(tmp_path / "pinned.onnx").graph.node}
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
        "Cast",
        "Clip",
        "Concat",
        "Conv",
        "DepthToSpace",
        "Expand",
        "InstanceNormalization",
        "MatMul",
        "MaxPool",
        "Mod",
        "Mul",
        "Neg",
        "Pad",
        "Relu",
        "Reshape",
        "Round",
        "Shape",
        "Slice",
        "Split",
        "Sub",
        "Transpose",
    ]
    assert {node.op_type for node in model.graph.node} <= {*known}
