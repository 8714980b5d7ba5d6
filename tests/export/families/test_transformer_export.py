"""Transformer networks: layouts of checkpoints, and the inputs and outputs of the graph."""

import numpy as np
import onnx
import pytest
import torch
from nst_export.checkpoints.checkpoint_file import read_checkpoint
from nst_export.checkpoints.transformer_checkpoint import load_transformer
from nst_export.families.transformer_export import TransformerExport
from nst_rt.contract import ModelRecord
from nst_rt.errors import ModelError
from tiny_networks import graph_of

RECORD = ModelRecord(kind="stylizer", family="transformer", precision="fp32", stride=4)
FULL = np.ones(1, np.float32)


def test_keys_are_those_of_fast_neural_style(tiny_transformer):
    keys = list(tiny_transformer.state_dict())
    assert keys[:4] == ["conv1.conv2d.weight", "conv1.conv2d.bias", "in1.weight", "in1.bias"]
    assert {"res2.conv1.conv2d.weight", "res1.in2.bias", "deconv1.conv2d.weight", "deconv3.conv2d.bias"} < {*keys}


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"state_dict": state, "epoch": 3}])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_layouts_load(tiny_transformer, tmp_path, wrap, prefix):
    state = {prefix + key: tensor for key, tensor in tiny_transformer.state_dict().items()}
    state |= {
        f"{prefix}in1.running_mean": torch.zeros(4),
        f"{prefix}in1.running_var": torch.ones(4),
        f"{prefix}res1.in1.num_batches_tracked": torch.tensor(7),
    }
    torch.save(wrap(state), tmp_path / "net.model")
    loaded = load_transformer(read_checkpoint(tmp_path / "net.model"))
    for key, tensor in tiny_transformer.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor)


def test_other_kernels_and_depths_load(tmp_path):
    from nst_export.networks.transformer_network import TransformerNetwork

    network = TransformerNetwork((4, 4, 4), blocks=1, kernels=(3, 5))
    torch.save(network.state_dict(), tmp_path / "net.pth")
    assert str(load_transformer(read_checkpoint(tmp_path / "net.pth"))) == str(network)


def test_unknown_layouts_are_told_apart(tiny_transformer, tmp_path):
    torch.save({f"layer{index}.weight": torch.zeros(2) for index in range(15)}, tmp_path / "a.pth")
    with pytest.raises(ModelError, match=r"layer11\.weight \(2,\) and 3 more.*Known: conv1\.conv2d"):
        load_transformer(read_checkpoint(tmp_path / "a.pth"))
    state = tiny_transformer.state_dict()
    del state["in4.bias"]
    state["extra.weight"] = torch.zeros(3)
    torch.save(state, tmp_path / "b.pth")
    with pytest.raises(ModelError, match=r"in4\.bias.*extra\.weight"):
        load_transformer(read_checkpoint(tmp_path / "b.pth"))
    state["conv2.conv2d.weight"] = torch.zeros(3)
    torch.save(state, tmp_path / "c.pth")
    with pytest.raises(ModelError, match="four dimensions"):
        load_transformer(read_checkpoint(tmp_path / "c.pth"))
    state["conv2.conv2d.weight"] = torch.zeros(
        0, 4, 3, 3
    )  # torch warns about such layers, and warnings are errors here
    torch.save(state, tmp_path / "d.pth")
    with pytest.raises(ModelError, match=r"conv2\.conv2d\.weight has no elements"):
        load_transformer(read_checkpoint(tmp_path / "d.pth"))


def test_strength_and_color(tiny_transformer, run, noise):
    model = graph_of(TransformerExport(tiny_transformer), RECORD)
    frame = noise(30, 22)
    styled = run(model, frame=frame).astype(float)
    for color in (0.0, 0.4, 1.0):
        photograph = run(model, frame=frame, strength=0 * FULL, color=np.full(1, color, np.float32))
        np.testing.assert_array_equal(photograph, frame)
    half = run(model, frame=frame, strength=FULL / 2)
    np.testing.assert_allclose(half, (styled + frame) / 2, atol=1.01)
    # Color 0 adds the same amount to B, G and R: the photograph's chroma with the style's brightness.
    added = run(model, frame=frame, color=0 * FULL).astype(float) - frame
    inside = np.all((added + frame > 0) & (added + frame < 255), axis=-1)
    assert inside.sum() > 100
    assert np.ptp(added[inside], axis=-1).max() <= 1
    luma = np.array([0.114, 0.587, 0.299])
    np.testing.assert_allclose((added + frame)[inside] @ luma, styled[inside] @ luma, atol=1.5)


def test_the_lean_graph_has_one_input(tiny_transformer):
    lean, full = (
        graph_of(TransformerExport(tiny_transformer), RECORD, controls=False),
        graph_of(TransformerExport(tiny_transformer), RECORD),
    )
    assert [entry.name for entry in lean.graph.input] == ["frame"]
    assert [entry.name for entry in full.graph.input] == ["frame", "strength", "color"]
    assert len(lean.graph.node) < len(full.graph.node)


def test_inputs_and_outputs_keep_the_contract(tiny_transformer):
    model = graph_of(TransformerExport(tiny_transformer), RECORD)
    for entry in (model.graph.input[0], model.graph.output[0]):
        shape = [dim.dim_param or dim.dim_value for dim in entry.type.tensor_type.shape.dim]
        assert shape == ["batch", "height", "width", 3]
        assert entry.type.tensor_type.elem_type == onnx.TensorProto.UINT8
