"""What `nst-rt train conditional` leaves behind, exported with its style encoder and its styles file."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from nst_export.checkpoints.conditional_checkpoint import ConditionalWeights, write_conditional
from nst_export.export_options import ExportOptions
from nst_export.families.conditional_export import export_conditional
from nst_export.families.style_encoder_export import check_style_encoder
from nst_export.networks.conditional_network import ConditionalTransformer
from nst_export.networks.style_encoder_network import StyleEncoder
from nst_export.parity.sample_images import draw_image
from nst_export.parity.torch_reference import encode_in_torch
from nst_rt import Stylizer
from nst_rt.errors import ModelError
from nst_rt.media.images.image_writer import write_image


@pytest.fixture
def encoder(tiny_conditional: ConditionalTransformer) -> StyleEncoder:
    torch.manual_seed(6)
    encoder = StyleEncoder(tiny_conditional.neutral_style(), widths=(4, 8, 8), hidden=12)
    torch.nn.init.normal_(encoder.delta.weight, std=0.2)
    return encoder.eval().requires_grad_(False)


@pytest.fixture
def weights(tiny_conditional: ConditionalTransformer, encoder: StyleEncoder, tmp_path: Path) -> Path:
    path = tmp_path / "conditional.pt"
    neutral = tiny_conditional.neutral_style()[0]
    styles = {"plain": neutral, "bold": neutral * 1.5, "secret": neutral * 0.5}
    records = {"bold": {"title": "Bold", "artist": "", "year": "1900", "license": "public domain"}}
    write_conditional(ConditionalWeights(tiny_conditional, styles, records, encoder, "3 steps"), path)
    return path


def test_all_files_work_together_in_the_runtime(weights: Path, encoder: StyleEncoder, tmp_path: Path) -> None:
    out = tmp_path / "net.onnx"
    exported = export_conditional(weights, out, ExportOptions(precision="fp32"), leave_out=["secret"])
    assert [entry.path.name for entry in exported] == ["net.onnx", "net.encoder.onnx"]
    assert exported[0].record.style_encoder == "net.encoder.onnx"
    assert exported[1].record.kind == "style_encoder"
    painting = draw_image(96, 80, seed=5)
    write_image(tmp_path / "painting.png", painting)
    frame = draw_image(40, 56, seed=1)
    by_painting = Stylizer.load(tmp_path / "painting.png", model=out)
    assert by_painting.styles == ["plain", "bold"]
    by_vector = Stylizer.load(encode_in_torch(encoder, painting).numpy(), model=out)
    difference = np.abs(by_painting(frame).astype(int) - by_vector(frame))
    assert difference.max() <= 1


def test_the_styles_file_carries_the_paintings_records(weights: Path, tmp_path: Path) -> None:
    export_conditional(weights, tmp_path / "net.onnx", ExportOptions(precision="fp32"), leave_out=["secret"])
    plain, bold = json.loads((tmp_path / "net.styles.json").read_text())["styles"]
    assert (bold["title"], bold["year"], bold["training"]) == ("Bold", "1900", "3 steps")
    assert "artist" not in bold
    assert plain["vector"] != bold["vector"]


def test_a_style_that_is_not_there_cannot_be_left_out(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no style 'gogh' to leave out, but plain, bold, secret"):
        export_conditional(weights, tmp_path / "net.onnx", ExportOptions(precision="fp32"), leave_out=["gogh"])
    assert not list(tmp_path.glob("net*"))


def test_the_encoders_graph_agrees_with_torch(
    encoder: StyleEncoder, tiny_conditional: ConditionalTransformer, weights: Path, tmp_path: Path
) -> None:
    record = export_conditional(weights, tmp_path / "net.onnx", ExportOptions(precision="fp32"))[1].record
    assert len(record.parity) == 3
    assert min(parity.psnr for parity in record.parity) > 90
    images = [draw_image(50, 61, seed=8)]
    again = check_style_encoder(encoder, record, tmp_path / "again.encoder.onnx", images)
    assert [(parity.height, parity.width) for parity in again.record.parity] == [(50, 61)]
    assert not again.path.exists()
