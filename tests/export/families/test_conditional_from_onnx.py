"""Reading a conditional network back from what the exporter wrote."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from nst_export.checkpoints.conditional_checkpoint import ConditionalWeights, read_conditional, write_conditional
from nst_export.export_options import ExportOptions
from nst_export.families.conditional_export import export_conditional_weights
from nst_export.families.conditional_from_onnx import conditional_from_onnx
from nst_export.families.transformer_export import export_transformer
from nst_export.networks.conditional_network import ConditionalTransformer
from nst_export.networks.style_encoder_network import StyleEncoder
from nst_export.networks.transformer_network import TransformerNetwork
from nst_export.onnx_graph.phases import kernel_of_upsampling_phases, upsampling_phases
from nst_rt.errors import InputError, ModelError
from onnx import numpy_helper

RECORDS = {"bold": {"title": "Bold", "year": "1900"}}


@pytest.fixture
def trained(tiny_conditional: ConditionalTransformer) -> ConditionalWeights:
    torch.manual_seed(6)
    encoder = StyleEncoder(tiny_conditional.neutral_style(), widths=(4, 8), hidden=12)
    torch.nn.init.normal_(encoder.delta.weight, std=0.2)
    for layer in encoder.modules():
        if isinstance(layer, torch.nn.Conv2d) and layer.bias is not None:
            torch.nn.init.normal_(layer.bias, std=0.1)
    neutral = tiny_conditional.neutral_style()[0]
    styles = {"plain": neutral, "bold": neutral * 1.5}
    return ConditionalWeights(tiny_conditional, styles, RECORDS, encoder.eval(), "3 steps")


@pytest.fixture
def exported(trained: ConditionalWeights, tmp_path: Path) -> Path:
    export_conditional_weights(trained, tmp_path / "net.onnx", ExportOptions(precision="fp32"), source_sha256="a" * 64)
    return tmp_path / "net.onnx"


def changed(path: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)
    return path


def agree(found: torch.nn.Module, wanted: torch.nn.Module) -> None:
    there = wanted.state_dict()
    assert list(found.state_dict()) == list(there)
    for name, value in found.state_dict().items():
        scale = float(there[name].abs().max())
        assert torch.allclose(value, there[name], rtol=0, atol=2e-6 * max(1.0, scale)), name


@pytest.mark.parametrize("phases", [True, False])
def test_what_was_exported_comes_back(trained: ConditionalWeights, tmp_path: Path, phases: bool) -> None:
    export_conditional_weights(
        trained, tmp_path / "net.onnx", ExportOptions(precision="fp32", phases=phases, controls=phases)
    )
    found = conditional_from_onnx(tmp_path / "net.onnx")
    assert found.network.widths == trained.network.widths
    agree(found.network, trained.network)
    assert found.encoder is not None
    assert trained.encoder is not None
    assert found.encoder.configuration() == trained.encoder.configuration()
    agree(found.encoder, trained.encoder)
    assert list(found.styles) == ["plain", "bold"]
    assert torch.equal(found.styles["bold"], trained.styles["bold"])
    assert found.records == {"plain": {}, "bold": RECORDS["bold"]}
    assert found.training == "3 steps"


def test_equal_weights_that_the_graph_stores_once_come_back(trained: ConditionalWeights, tmp_path: Path) -> None:
    for block in trained.network.trunk:
        torch.nn.init.zeros_(block.get_submodule("conv1").bias)
        torch.nn.init.zeros_(block.get_submodule("conv2").bias)
    export_conditional_weights(trained, tmp_path / "net.onnx", ExportOptions(precision="fp32"))
    names = [tensor.name for tensor in onnx.load(tmp_path / "net.onnx").graph.initializer]
    assert "network/trunk.1/conv1/bias" not in names
    agree(conditional_from_onnx(tmp_path / "net.onnx").network, trained.network)


def test_a_network_keeps_the_noise_that_it_was_trained_with(trained: ConditionalWeights, tmp_path: Path) -> None:
    noise = trained.network.up_quarter_noise
    other = torch.randint(-90, 90, (1, noise.tile.shape[1], 48, 48), generator=torch.Generator().manual_seed(4)) / 32
    noise.tile = torch.nn.Parameter(other, requires_grad=False)
    export_conditional_weights(trained, tmp_path / "net.onnx", ExportOptions(precision="fp32"))
    found = conditional_from_onnx(tmp_path / "net.onnx").network
    assert torch.equal(found.up_quarter_noise.tile, other)
    write_conditional(trained, tmp_path / "net.pt")
    assert torch.equal(read_conditional(tmp_path / "net.pt").network.up_quarter_noise.tile, other)


def test_a_network_alone(exported: Path, trained: ConditionalWeights) -> None:
    exported.with_name("net.styles.json").unlink()
    exported.with_name("net.encoder.onnx").unlink()
    found = conditional_from_onnx(exported)
    assert found.styles == {}
    assert found.encoder is None
    agree(found.network, trained.network)


def test_phases_are_turned_back_into_a_kernel() -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 5, 3, 3)).astype(np.float32)
    assert np.abs(kernel_of_upsampling_phases(upsampling_phases(kernel)) - kernel).max() < 1e-6
    with pytest.raises(ValueError, match="no 3x3 kernel"):
        kernel_of_upsampling_phases(np.random.default_rng(0).normal(size=(12, 5, 2, 2)).astype(np.float32))
    with pytest.raises(ValueError, match="no four phases"):
        kernel_of_upsampling_phases(np.zeros((13, 5, 2, 2), np.float32))


def test_fp16_is_refused(trained: ConditionalWeights, tmp_path: Path) -> None:
    export_conditional_weights(trained, tmp_path / "net.onnx")
    with pytest.raises(ModelError, match=r"net\.fp16\.onnx: fp16.*Give the fp32 file of this network, net\.onnx"):
        conditional_from_onnx(tmp_path / "net.fp16.onnx")


@pytest.mark.parametrize(("name", "hint"), [("net.int8.onnx", r", net\.onnx$"), ("renamed.onnx", "$")])
def test_int8_is_refused(exported: Path, tmp_path: Path, name: str, hint: str) -> None:
    def say_int8(model: onnx.ModelProto) -> None:
        (entry,) = [entry for entry in model.metadata_props if entry.key == "nst_rt.precision"]
        entry.value = "int8"

    copied = tmp_path / name
    copied.write_bytes(exported.read_bytes())
    with pytest.raises(ModelError, match=rf"{name}: int8.*Give the fp32 file of this network{hint}"):
        conditional_from_onnx(changed(copied, say_int8))


def test_other_files_are_refused(tiny_transformer: TransformerNetwork, exported: Path, tmp_path: Path) -> None:
    torch.save(tiny_transformer.state_dict(), tmp_path / "t.pth")
    export_transformer(tmp_path / "t.pth", tmp_path / "t.onnx", ExportOptions(precision="fp32"))
    (tmp_path / "junk.onnx").write_bytes(b"\xff" * 99)
    with pytest.raises(ModelError, match="of the family transformer; only conditional"):
        conditional_from_onnx(tmp_path / "t.onnx")
    with pytest.raises(ModelError, match="style encoder of the family conditional; only"):
        conditional_from_onnx(exported.with_name("net.encoder.onnx"))
    with pytest.raises(ModelError, match=r"junk\.onnx: damaged"):
        conditional_from_onnx(tmp_path / "junk.onnx")
    with pytest.raises(InputError, match="no such file"):
        conditional_from_onnx(tmp_path / "none.onnx")


def test_weights_that_are_no_phases_are_refused(exported: Path) -> None:
    def shift(model: onnx.ModelProto) -> None:
        (tensor,) = [entry for entry in model.graph.initializer if entry.name == "network/up_half/weight"]
        array = numpy_helper.to_array(tensor).copy()
        array[0, 0, 0, 0] += 1
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))

    with pytest.raises(ModelError, match="belong to no 3x3 kernel"):
        conditional_from_onnx(changed(exported, shift))


def test_a_graph_that_computes_something_else_is_refused(exported: Path) -> None:
    def blunt(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            for attribute in node.attribute:
                if attribute.name == "epsilon":
                    attribute.f = 1000.0

    with pytest.raises(ModelError, match=r"net\.onnx: not a conditional network .* gives another result"):
        conditional_from_onnx(changed(exported, blunt))


def test_a_graph_with_other_names_is_refused(exported: Path) -> None:
    def rename(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            node.name = node.name.replace("network/", "net/")

    with pytest.raises(ModelError, match="not a conditional network of this version"):
        conditional_from_onnx(changed(exported, rename))


def test_companions_of_another_network_are_refused(exported: Path, trained: ConditionalWeights) -> None:
    styles = exported.with_name("net.styles.json")
    content = json.loads(styles.read_text())
    styles.write_text(json.dumps(content | {"source_sha256": "b" * 64}))
    with pytest.raises(ModelError, match=r"net\.styles\.json: the style 'plain' belongs to another network"):
        conditional_from_onnx(exported)
    styles.write_text(json.dumps(content))
    other = exported.with_name("other.onnx")
    export_conditional_weights(trained, other, ExportOptions(precision="fp32"), source_sha256="b" * 64)
    exported.with_name("net.encoder.onnx").write_bytes(other.with_name("other.encoder.onnx").read_bytes())
    with pytest.raises(ModelError, match="exported from another checkpoint"):
        conditional_from_onnx(exported)
