"""The comparison with torch, and the images that it is made on."""

import math
from dataclasses import replace

import numpy as np
import pytest
from nst_export.export_options import ExportOptions
from nst_export.families.baked_export import convolution_at
from nst_export.families.transformer_export import TransformerExport
from nst_export.networks.transformer_network import TransformerNetwork
from nst_export.onnx_graph.weight_folding import accept_bgr_bytes
from nst_export.parity import sample_images as sample_images
from nst_export.parity.parity import (
    EXACT,
    Case,
    compare_images,
    compare_vectors,
    measure_images,
    open_session,
    parity_table,
    psnr,
    require_parity,
)
from nst_export.parity.sample_images import draw_image, fill
from nst_rt.contract import ModelRecord, Parity
from nst_rt.errors import InputError, ModelError

RECORD = ModelRecord(kind="stylizer", family="transformer", precision="fp32", stride=4)


def test_decibels():
    black = np.zeros((4, 6, 3), np.uint8)
    assert compare_images(black, black) == Parity(4, 6, EXACT, 0.0)
    off = black.copy()
    off[...] = 1
    assert compare_images(black, off) == Parity(4, 6, 48.13, 1.0)
    vector = np.array([[0.0, 2.0]], np.float32)
    assert compare_vectors(vector, vector + np.float32(0.5), 8, 9) == Parity(8, 9, 12.04, 0.5)
    assert compare_vectors(vector, vector * np.nan, 8, 9).psnr == 0


def test_less_than_forty_decibels_is_refused_with_the_numbers():
    require_parity("x.onnx", [Parity(10, 20, 40.0, 2)])
    with pytest.raises(ModelError, match=r"x\.onnx.*20x10: 39\.9 dB, worst 9.*Nothing was written"):
        require_parity("x.onnx", [Parity(10, 20, 50, 1), Parity(10, 20, 39.9, 9)])
    with pytest.raises(ModelError, match="nan dB"):
        require_parity("x.onnx", [Parity(10, 20, float("nan"), 9)])
    assert "20x10          exact   0" in parity_table("x.onnx", [Parity(10, 20, EXACT, 0)])
    assert parity_table("x.onnx", [], "photographs").startswith("x.onnx: against PyTorch float32 on photographs\n")
    assert parity_table("x.onnx", [], "drawn").startswith("x.onnx: against PyTorch float32 on drawn images\n")


class RedAndBlueExchanged(TransformerExport):
    """Forgets the colour order at one end: the result is an image, but the wrong one."""

    def fold_bytes(self, network: TransformerNetwork) -> None:
        accept_bgr_bytes(convolution_at(network, "conv1.conv2d"), self.white)


def test_a_wrong_graph_is_refused(tiny_transformer, tmp_path):
    images = sample_images.sample_images(None)
    models = [("fp32", tmp_path / "out.onnx")]
    assert len(TransformerExport(tiny_transformer, images).check(models, RECORD, ExportOptions())) == 1
    with pytest.raises(ModelError, match="agree to less than 40 dB"):
        RedAndBlueExchanged(tiny_transformer, images).check(models, RECORD, ExportOptions())
    assert not list(tmp_path.iterdir())


def test_other_inputs_and_the_rounded_network_count_too(inverting):
    frame, full = draw_image(40, 50), {name: np.ones(1, np.float32) for name in ("strength", "color")}
    right = Case(frame, 255 - frame, full)
    wrong = [
        replace(right, beside={"strength": np.zeros(1, np.float32)}),
        replace(right, rounded=frame),
        replace(right, expected=frame),
    ]
    found = measure_images(inverting.read_bytes(), [right, *wrong])
    assert found[0].psnr == EXACT
    assert all(parity.psnr < 20 for parity in found[1:])


def test_onnx_runtime_refusing_a_graph_is_an_error():
    with pytest.raises(ModelError, match="rejects"):
        open_session(b"not a model")


def test_images_are_drawn_the_same_every_time():
    first, again, other = draw_image(50, 70), draw_image(50, 70), draw_image(50, 70, seed=1)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert first.std() > 20
    assert np.abs(first.astype(int) - other).mean() > 10
    assert fill(first, 33, 90).shape == (33, 90, 3)


def test_photographs_of_the_user(tmp_path):
    import cv2

    with pytest.raises(InputError, match="no such folder"):
        sample_images.sample_images(tmp_path / "none")
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="no image in it opens"):
        sample_images.sample_images(tmp_path)
    cv2.imwrite(str(tmp_path / "b.png"), np.full((40, 30, 3), (1, 2, 3), np.uint8))
    images = sample_images.sample_images(tmp_path)
    assert [image.shape[:2] for image in images] == list(sample_images.SIZES)
    assert (images[0] == (1, 2, 3)).all()


def test_decibels_by_hand() -> None:
    black, white = np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)
    assert psnr(black, white) == psnr(white, black) == 0
    assert math.isclose(psnr(black, black + 51), 20 * math.log10(5))
    assert math.isclose(psnr(np.float32([0, 1]), np.float32([0, 0.5]), peak=1.0), 10 * math.log10(8))


def test_equal_and_not_finite() -> None:
    values = np.float32([1, 2])
    assert psnr(values, values) == math.inf
    assert psnr(values, np.float32([1, np.nan])) == psnr(values, np.float32([1, np.inf])) == 0
