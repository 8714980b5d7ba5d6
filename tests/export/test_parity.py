"""The check against torch, and files that appear whole or not at all."""

import numpy as np
import pytest
import torch
from nst_export.families import transformer
from nst_export.model_files import writing
from nst_export.model_files.writing import Checked, write_all
from nst_export.onnx_graph import frame
from nst_export.parity import sample_images as sample_images
from nst_export.parity.parity import (
    EXACT,
    compare_images,
    compare_vectors,
    open_session,
    parity_table,
    require_parity,
)
from nst_export.parity.sample_images import draw_image, fill
from nst_rt.contract import ModelRecord, Parity
from nst_rt.errors import InputError, ModelError, OutputError

RECORD = ModelRecord(kind="stylizer", family="transformer", precision="fp32", stride=4)


@pytest.fixture
def checkpoint(tiny_transformer, tmp_path):
    path = tmp_path / "tiny.pth"
    torch.save(tiny_transformer.state_dict(), path)
    return path


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


def test_a_wrong_graph_leaves_no_file(checkpoint, tmp_path, monkeypatch):
    # A graph that forgets the colour order is an image, but the wrong one.
    monkeypatch.setattr(transformer, "produce_bgr_bytes", lambda conv, white: None)
    with pytest.raises(ModelError, match="differs from PyTorch"):
        transformer.export_transformer(checkpoint, tmp_path / "out.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.pth"]


def test_a_wrong_mixing_of_the_controls_leaves_no_file(checkpoint, tmp_path, monkeypatch):
    # The branch that other values of strength and color take would always give the photograph.
    photograph = np.hstack([np.zeros((3, 3)), np.eye(3)]).astype(np.float32)
    monkeypatch.setattr(frame, "_mixing", lambda graph, strength, color: graph.constant(photograph, "mixing"))
    with pytest.raises(ModelError, match="differs from PyTorch"):
        transformer.export_transformer(checkpoint, tmp_path / "out.onnx", "fp32")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.pth"]


def test_a_disk_that_fills_up_at_the_last_file_leaves_the_old_ones(tmp_path, monkeypatch):
    first, last = tmp_path / "out.onnx", tmp_path / "out.fp16.onnx"
    first.write_bytes(b"old")
    last.write_bytes(b"old too")
    write = writing.Path.write_bytes

    def full(path, data):
        if data == b"last":
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(writing.Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"out\.fp16\.onnx: the disk is full"):
        write_all([Checked(first, RECORD, b"first"), Checked(last, RECORD, b"last")], [(tmp_path / "out.txt", b"text")])
    assert first.read_bytes() == b"old"
    assert last.read_bytes() == b"old too"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.fp16.onnx", "out.onnx"]


def test_places_that_cannot_be_written_to_are_refused_first(tmp_path):
    for path, what in (
        (tmp_path / "out.pth", r"ends with \.onnx"),
        (tmp_path / "none" / "out.onnx", "there is no folder"),
    ):
        with pytest.raises(OutputError, match=what):
            transformer.export_transformer(tmp_path / "missing.pth", path)
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(OutputError, match="a folder, not a file"):
        transformer.export_transformer(tmp_path / "missing.pth", tmp_path / "folder.onnx", "fp32")


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
