"""Networks that others trained, on real photographs."""

import numpy as np
import onnx
import pytest
from nst_export.export_options import ExportOptions
from nst_export.families.adain_export import export_adain
from nst_export.families.transformer_export import export_transformer
from nst_export.parity import sample_images as sample_images

pytestmark = pytest.mark.shared


@pytest.fixture(autouse=True)
def larger_samples(small_samples, monkeypatch):
    monkeypatch.setattr(sample_images, "SIZES", ((240, 320), (195, 259), (128, 128)))


def test_mosaic(shared, tmp_path, run, noise):
    exported = export_transformer(
        shared / "checkpoints/fast_neural_style/mosaic_nc16_b1_e2_1e05_1e10.model",
        tmp_path / "mosaic.onnx",
        ExportOptions(photographs=shared / "data/content_val"),
    )
    full, half = (min(parity.psnr for parity in entry.record.parity) for entry in exported)
    assert full > 75
    assert half > 48
    frame = noise(65, 51)
    np.testing.assert_array_equal(run(exported[1].path, frame=frame, strength=np.zeros(1, np.float32)), frame)


@pytest.mark.parametrize(
    ("encoder", "decoder", "stride", "precision"),
    [
        ("adain_r31/vgg_r31.pth", "adain_r31/dec_r31.pth", 4, "fp32"),
        ("wct_distilled/3SE.npz", "wct_distilled/3SD.npz", 4, "both"),
        ("wct_distilled/4SE.npz", "wct_distilled/4SD.npz", 8, "both"),
    ],
)
def test_adain(shared, tmp_path, encoder, decoder, stride, precision):
    folder = shared / "checkpoints"
    exported = export_adain(
        folder / encoder,
        folder / decoder,
        tmp_path / "any.onnx",
        ExportOptions(precision=precision, photographs=shared / "data/content_val"),
    )
    for entry in exported:
        worst = min(parity.psnr for parity in entry.record.parity)
        assert (
            worst
            > {"stylizer": {"fp32": 75, "fp16": 50}, "style_encoder": {"fp32": 100}}[entry.record.kind][
                entry.record.precision
            ]
        )
    assert exported[0].record.stride == stride
    encoder_model = onnx.load(exported[-1].path)
    assert encoder_model.graph.output[0].type.tensor_type.shape.dim[1].dim_value == exported[0].record.style_size
