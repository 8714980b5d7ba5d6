"""Checkpoints of adaptive style transfer: TensorFlow's variables and archives of them."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from adaptive_variables import TRAINING
from nst_export.checkpoints.adaptive_checkpoint import load_adaptive, read_adaptive
from nst_export.checkpoints.tensorflow_checkpoint import find_bundle, read_bundle
from nst_export.export_options import ExportOptions
from nst_export.families.adaptive_export import export_adaptive
from nst_rt.errors import DependencyError, InputError, ModelError


def save_in_tensorflow(name, values, step):
    """What `tf.train.Saver` of TensorFlow 1 leaves: NAME-STEP.index, .data-00000-of-00001, and `checkpoint`."""
    tensorflow = pytest.importorskip("tensorflow", reason="the extra `tensorflow` is not installed")
    v1 = tensorflow.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        for key, value in values.items():
            v1.get_variable(key, initializer=value, use_resource=False)
        session.run(v1.global_variables_initializer())
        return v1.train.Saver(max_to_keep=None).save(session, str(name), global_step=step, write_meta_graph=False)


def test_names_of_tensorflow_values_load(drawn, tmp_path, adaptive):
    np.savez(tmp_path / "values.npz", **{f"{name}:0": value for name, value in (drawn | TRAINING).items()})
    found = load_adaptive(read_adaptive(tmp_path / "values.npz")).state_dict()
    assert all(torch.equal(found[name], value) for name, value in adaptive.state_dict().items())


def without(*names):
    return lambda drawn: {name: value for name, value in drawn.items() if name not in names}


def changed(name, shape):
    return lambda drawn: drawn | {name: np.zeros(shape, np.float32)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("encoder/g_e3_bn/offset"), r"without encoder/g_e3_bn/offset\. Found: .*Known: encoder/g_e0_bn/scale"),
        (without("decoder/g_r1_c1/Conv/weights"), r"without decoder/g_r1_c1/Conv/weights\. Found"),
        (
            changed("decoder/g_r9_c1/Conv/weights", (3, 3, 8, 8)),
            r"without decoder/g_r3_c1/.* and 2 more and with the unknown decoder/g_r9_c1/Conv/weights\.",
        ),
        (
            lambda drawn: {name: value for name, value in drawn.items() if "/g_r" not in name},
            r"knows: without residual blocks\. Found",
        ),
        (changed("encoder/g_e1_c/Conv/biases", (4,)), r"with the unknown encoder/g_e1_c/Conv/biases\."),
        (changed("encoder/g_e2_c/Conv/weights", (3, 3, 2, 5)), r"weights is 3x3x2x5 where 3x3x4x5 follows$"),
        (changed("decoder/g_r2_c1/Conv/weights", (5, 5, 8, 8)), r"r2_c1/Conv/weights is 5x5x8x8 where 3x3x8x8"),
        (changed("decoder/g_d4_bn/scale", (6,)), r"g_d4_bn/scale is 6 where 5 follows$"),
        (changed("decoder/g_pred_c/Conv/weights", (7, 7, 5, 4)), r"is 7x7x5x4 where 7x7x5x3 follows$"),
        (changed("encoder/g_e5_c/Conv/weights", (63, 8)), r"g_e5_c/Conv/weights is 63x8; convolutions have four"),
        (changed("encoder/g_e0_bn/scale", ()), r"g_e0_bn/scale is a single number; conv"),
        (changed("encoder/g_e1_c/Conv/weights", (3, 3, 3, 0)), r"g_e1_c/Conv/weights has no elements"),
        (lambda drawn: TRAINING, r"no variable of encoder/ or decoder/\. Found: discriminator.*Known: enc"),
    ],
)
def test_other_networks_are_told_apart(drawn, tmp_path, change, message):
    np.savez(tmp_path / "other.npz", **change(drawn))
    with pytest.raises(ModelError, match=message):
        load_adaptive(read_adaptive(tmp_path / "other.npz"))


def test_weights_that_are_no_numbers_are_refused(drawn, tmp_path):
    drawn["encoder/g_e2_c/Conv/weights"][0, 0, 0, 0] = np.nan
    np.savez(tmp_path / "nan.npz", **drawn)
    with pytest.raises(ModelError, match="damaged"):
        export_adaptive(tmp_path / "nan.npz", tmp_path / "nan.onnx", ExportOptions(precision="fp32"))
    assert not (tmp_path / "nan.onnx").exists()


ONE = "model.data-00000-of-00001"


@pytest.mark.parametrize(
    ("files", "name", "message"),
    [
        ({}, "model", r"model: no such TensorFlow checkpoint: there is no model\.index"),
        ({}, "nowhere/model", "no such TensorFlow checkpoint"),
        ({}, "", "holds no TensorFlow checkpoint"),
        ({"model.h5": b"\x89HDF"}, "model.h5", r"model\.h5: not a TensorFlow checkpoint that can be read.*NAME\.index"),
        ({ONE: b"\0"}, "model", r"model: not a.*model\.index is not beside it"),
        ({"model.index": b"\0\1"}, "model", r"there is no model\.data-00000-of-00001 beside model\.index"),
        (
            {"model.index": b"\0\1", "model.data-00001-of-00003": b"\0"},
            "model.index",
            r"there is no model\.data-00000-of-00003, model\.data-00002-of-00003 beside",
        ),
        ({"model.index": b"\0\1", ONE: b""}, "", "00001: the file is empty"),
        ({"model.index": b"version https://git-lfs.github.com/spec/v1\n", ONE: b"\0"}, "model", "Git LFS"),
    ],
)
def test_files_that_are_missing_are_named(tmp_path, files, name, message):
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_adaptive(tmp_path / name)


def test_a_folder_says_which_of_its_checkpoints_is_the_latest(tmp_path):
    for step in (9000, 15000):
        (tmp_path / f"van-gogh_{step}.ckpt-{step}.index").touch()
    with pytest.raises(InputError, match=r"holds 2 checkpoints \(van-gogh_15000\.ckpt-15000, van-gogh_9000.*Give the"):
        find_bundle(tmp_path)
    state = 'model_checkpoint_path: "/another/machine/van-gogh_{0}.ckpt-{0}"\nall_model_checkpoint_paths: "a"\n'
    (tmp_path / "checkpoint").write_text(state.format(9000))
    latest = tmp_path / "van-gogh_9000.ckpt-9000"
    assert find_bundle(tmp_path) == find_bundle(tmp_path / "checkpoint") == latest
    other = tmp_path / "van-gogh_15000.ckpt-15000"
    parts = ("", ".index", ".meta", ".data-00000-of-00001")
    assert {find_bundle(other.with_name(other.name + part)) for part in parts} == {other}
    (tmp_path / "checkpoint").write_text(state.format(300000))
    with pytest.raises(InputError, match="holds 2 checkpoints"):
        find_bundle(tmp_path)


def test_without_tensorflow_both_ways_out_are_shown(tmp_path, monkeypatch):
    (tmp_path / "model.index").write_bytes(b"\0\1")
    (tmp_path / "model.data-00000-of-00001").write_bytes(b"\0")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(DependencyError, match=r'model: .*pip install "\.\[tensorflow\]".*numpy\.savez.* model$'):
        read_adaptive(tmp_path)


def test_a_tensorflow_checkpoint_says_the_same_as_the_archive(drawn, archive, tmp_path, adaptive):
    folder = tmp_path / "model_cezanne" / "checkpoint"
    folder.mkdir(parents=True)
    saved = save_in_tensorflow(folder / "model_cezanne_300000.ckpt", drawn | TRAINING, 300000)
    assert Path(saved).name == "model_cezanne_300000.ckpt-300000"
    moved = folder.rename(tmp_path / "moved")  # so that the path in `checkpoint` is wrong, as in a download
    source = read_adaptive(moved)
    assert source.path == moved / "model_cezanne_300000.ckpt-300000"
    assert set(source.tensors) == set(drawn)
    assert [len(part) for part in source.sha256.split(" ")] == [64, 64]
    found = load_adaptive(source).state_dict()
    assert all(torch.equal(found[name], value) for name, value in adaptive.state_dict().items())
    (exported,) = export_adaptive(source.path, tmp_path / "tensorflow.onnx", ExportOptions(precision="fp32"))
    assert exported.record.provenance == "model_cezanne_300000.ckpt-300000"
    assert min(entry.psnr for entry in exported.record.parity) > 40


def test_damaged_tensorflow_checkpoints_are_refused(drawn, tmp_path):
    saved = tmp_path / "model.ckpt-1"
    save_in_tensorflow(tmp_path / "model.ckpt", drawn, 1)
    with pytest.raises(ModelError, match=r"model\.ckpt-1: holds no weights.*Found: decoder/g_d1_bn/offset.* more$"):
        read_bundle(saved, lambda name: name.startswith("generator/"))
    save_in_tensorflow(tmp_path / "other.ckpt", TRAINING, 1)
    with pytest.raises(
        ModelError, match=r"other\.ckpt-1: holds no weights.*Found: beta1_power.*Known: encoder/g_e0_bn"
    ):
        read_adaptive(tmp_path / "other.ckpt-1")
    index, data = saved.with_name("model.ckpt-1.index"), saved.with_name("model.ckpt-1.data-00000-of-00001")
    whole = data.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"\xff" * len(whole)):
        data.write_bytes(damaged)
        with pytest.raises(InputError, match=r"model\.ckpt-1: not a TensorFlow checkpoint, or damaged"):
            read_adaptive(saved)
    data.write_bytes(whole)
    index.write_bytes(b"\0\xff" * 300)
    with pytest.raises(InputError, match=r"model\.ckpt-1: not a TensorFlow checkpoint, or damaged"):
        read_adaptive(saved)
