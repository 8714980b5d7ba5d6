"""Adaptive style transfer: TensorFlow's variables to a graph, against a reference in numpy and against torch."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from nst_export.checkpoints.adaptive_checkpoint import load_adaptive, read_adaptive, variables
from nst_export.checkpoints.checkpoint_file import read_checkpoint
from nst_export.checkpoints.tensorflow_checkpoint import find_bundle, read_bundle
from nst_export.commands import app
from nst_export.export_options import ExportOptions
from nst_export.families.adaptive_export import AdaptiveExport, export_adaptive
from nst_export.networks.adaptive_network import STRIDE, AdaptiveNetwork
from nst_export.parity.torch_reference import stylise_in_torch
from nst_rt.cli import app as nst_rt
from nst_rt.contract import ModelRecord
from nst_rt.errors import DependencyError, InputError, ModelError
from nst_rt.media.images.image_reader import read_image
from numpy.lib.stride_tricks import sliding_window_view
from tiny_networks import graph_of
from typer.testing import CliRunner

RECORD = ModelRecord(kind="stylizer", family="adaptive", precision="fp32", stride=STRIDE)
# No two layers that could be exchanged unnoticed.
DOWN, UP, BLOCKS = (4, 5, 6, 7, 8), (9, 7, 6, 5), 2
TRAINING = {
    "discriminator/d_h0_conv/Conv/weights": np.zeros((5, 5, 3, 4), np.float32),
    "encoder/g_e1_c/Conv/weights/Adam": np.zeros((3, 3, 3, 4), np.float32),
    "decoder/g_r1_bn1/scale/Adam_1": np.zeros(8, np.float32),
    "beta1_power": np.float32(0.5),
}


def draw_variables(down=DOWN, up=UP, blocks=BLOCKS):
    """Variables in the layout of the public code: what its scopes make, drawn at random."""
    random = np.random.default_rng(7)

    def kernel(side, wide, narrow):
        return random.standard_normal((side, side, wide, narrow)).astype(np.float32) * (side * side * wide) ** -0.5

    drawn = {}

    def norm(scope, channels):
        drawn[f"{scope}/scale"] = random.uniform(0.6, 1.4, channels).astype(np.float32)
        drawn[f"{scope}/offset"] = random.uniform(-0.4, 0.4, channels).astype(np.float32)

    norm("encoder/g_e0_bn", 3)
    for index, (wide, narrow) in enumerate(zip((3, *down), down, strict=False), start=1):
        drawn[f"encoder/g_e{index}_c/Conv/weights"] = kernel(3, wide, narrow)
        norm(f"encoder/g_e{index}_bn", narrow)
    for block in range(1, blocks + 1):
        for half in (1, 2):
            drawn[f"decoder/g_r{block}_c{half}/Conv/weights"] = kernel(3, down[-1], down[-1])
            norm(f"decoder/g_r{block}_bn{half}", down[-1])
    for index, (wide, narrow) in enumerate(zip((down[-1], *up), up, strict=False), start=1):
        drawn[f"decoder/g_d{index}_dc/conv2d/Conv/weights"] = kernel(3, wide, narrow)
        norm(f"decoder/g_d{index}_bn", narrow)
    drawn["decoder/g_pred_c/Conv/weights"] = 2 * kernel(7, up[-1], 3)
    return drawn


def reference(values, photograph):
    """The published network on an RGB photograph (H, W, 3) in [-1, 1], float64, written from its description."""

    def norm(scope, x):
        variance = x.var(axis=(0, 1))
        return (
            values[f"{scope}/scale"] * (x - x.mean(axis=(0, 1))) / np.sqrt(variance + 1e-5) + values[f"{scope}/offset"]
        )

    def conv(scope, x, stride=1):
        kernel = values[f"{scope}/Conv/weights"]
        windows = sliding_window_view(x, kernel.shape[:2], axis=(0, 1))[::stride, ::stride]
        return np.einsum("hwiyx,yxio->hwo", windows, kernel)

    def pad(x, amount, mode="reflect"):
        return np.pad(x, ((amount, amount), (amount, amount), (0, 0)), mode=mode)

    def relu(x):
        return np.maximum(x, 0)

    x = pad(norm("encoder/g_e0_bn", photograph), 15)
    for index in range(1, 6):
        x = relu(norm(f"encoder/g_e{index}_bn", conv(f"encoder/g_e{index}_c", x, stride=1 if index == 1 else 2)))
    for block in range(1, BLOCKS + 1):
        y = relu(norm(f"decoder/g_r{block}_bn1", conv(f"decoder/g_r{block}_c1", pad(x, 1))))
        x = x + norm(f"decoder/g_r{block}_bn2", conv(f"decoder/g_r{block}_c2", pad(y, 1)))
    for step in range(1, 5):
        x = pad(x.repeat(2, axis=0).repeat(2, axis=1), 1, "constant")
        x = relu(norm(f"decoder/g_d{step}_bn", conv(f"decoder/g_d{step}_dc/conv2d", x)))
    return 2 / (1 + np.exp(-conv("decoder/g_pred_c", pad(x, 3)))) - 1


def save_in_tensorflow(name, values, step):
    """What `tf.train.Saver` of TensorFlow 1 leaves: NAME-STEP.index, .data-00000-of-00001, and `checkpoint`."""
    tensorflow = pytest.importorskip("tensorflow", reason="the extra `tensorflow` is not installed")
    v1 = tensorflow.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        for key, value in values.items():
            v1.get_variable(key, initializer=value, use_resource=False)
        session.run(v1.global_variables_initializer())
        return v1.train.Saver(max_to_keep=None).save(session, str(name), global_step=step, write_meta_graph=False)


@pytest.fixture
def drawn():
    return draw_variables()


@pytest.fixture
def archive(drawn, tmp_path):
    path = tmp_path / "cezanne.npz"
    np.savez(path, **drawn, **TRAINING)
    return path


@pytest.fixture
def network(archive):
    return load_adaptive(read_adaptive(archive))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (48, 80)])
def test_the_network_is_the_published_one(network, drawn, height, width):
    photograph = np.random.default_rng(1).uniform(-1, 1, (height, width, 3))
    expected = reference(drawn, photograph)
    with torch.no_grad():
        found = network(torch.from_numpy((photograph + 1) / 2).permute(2, 0, 1)[None].float())[0].permute(1, 2, 0)
    assert expected.shape == photograph.shape
    assert expected.std() > 0.2
    np.testing.assert_allclose(2 * found.numpy() - 1, expected, atol=2e-4)


def test_published_widths_and_depth(run, noise, tmp_path):
    published = draw_variables((32, 32, 64, 128, 256), (256, 128, 64, 32), blocks=9)
    assert set(variables(9)) == set(published)
    np.savez(tmp_path / "full.npz", **published)
    network = load_adaptive(read_adaptive(tmp_path / "full.npz"))
    assert str(network) == str(AdaptiveNetwork())
    frame = noise(32, 48)
    expected = stylise_in_torch(network, frame[0], AdaptiveExport.white, STRIDE)
    found = run(graph_of(AdaptiveExport(network), RECORD), frame=frame)[0]
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert expected.std() > 20


@pytest.mark.parametrize("phases", [True, False])
@pytest.mark.parametrize("controls", [True, False])
def test_every_size_and_border_agrees_with_torch(network, run, noise, controls, phases):
    model = graph_of(AdaptiveExport(network), RECORD, controls=controls, phases=phases)
    for height, width in ((16, 16), (16, 40), (17, 23), (31, 16), (33, 18), (48, 64)):
        frame = noise(height, width)
        expected = stylise_in_torch(network, frame[0], AdaptiveExport.white, STRIDE)
        found = run(model, frame=frame)
        assert found.dtype == np.uint8
        assert found.shape == frame.shape
        difference = np.abs(found[0].astype(int) - expected)
        assert difference.max() <= 1  # a rounding that fell the other way
        assert difference.mean() < 0.01
        assert expected.std() > 20  # the comparison is worth something


def test_batches_and_controls(network, run, noise):
    model = graph_of(AdaptiveExport(network), RECORD)
    frames = noise(21, 30, batch=2)
    both = run(model, frame=frames)
    for index in range(2):
        np.testing.assert_array_equal(both[index], run(model, frame=frames[index : index + 1])[0])
    nothing = np.zeros(1, np.float32)
    np.testing.assert_array_equal(run(model, frame=frames, strength=nothing), frames)
    half = run(model, frame=frames, strength=nothing + 0.5)
    np.testing.assert_allclose(half, (both.astype(float) + frames) / 2, atol=1.01)
    assert not np.array_equal(run(model, frame=frames, color=nothing), both)


def test_the_whole_export(archive, tmp_path, run, noise):
    exported = export_adaptive(archive, tmp_path / "cezanne.onnx", ExportOptions(license="MIT"))
    assert [entry.path.name for entry in exported] == ["cezanne.onnx", "cezanne.fp16.onnx"]
    for entry, precision in zip(exported, ("fp32", "fp16"), strict=True):
        metadata = {item.key: item.value for item in onnx.load(entry.path).metadata_props}
        record = ModelRecord.from_metadata(metadata, str(entry.path))
        assert entry.record.controls == ("strength", "color")
        assert record == dataclasses.replace(entry.record, controls=())
        assert (record.family, record.precision, record.styles) == ("adaptive", precision, ("cezanne",))
        assert (record.strength_blends, record.provenance, record.stride) == ("pixels", "cezanne.npz", 16)
        assert record.source_sha256 == read_checkpoint(archive).sha256
        assert [(entry.height, entry.width) for entry in record.parity] == [(96, 128), (75, 101), (64, 64)]
        assert min(entry.psnr for entry in record.parity) > 40
    frame = noise(40, 50)
    wide, narrow = (run(entry.path, frame=frame).astype(int) for entry in exported)
    assert np.abs(wide - narrow).mean() < 1


def test_the_command_makes_a_style_for_images(archive, tmp_path):
    cv2 = pytest.importorskip("cv2")
    model, photograph = tmp_path / "out.onnx", tmp_path / "photograph.png"
    cv2.imwrite(str(photograph), np.random.default_rng(0).integers(0, 256, (37, 52, 3)).astype(np.uint8))
    arguments = ["adaptive", str(archive), "-o", str(model), "--precision", "fp32", "--style-name", "apples", "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    (record,) = json.loads(done.stdout)["models"]
    assert (record["family"], record["styles"]) == ("adaptive", ["apples"])
    assert "against PyTorch float32 on drawn images" in done.stderr
    arguments = ["image", str(photograph), "--style", str(model), "--device", "cpu", "-o", str(tmp_path / "made.png")]
    assert CliRunner().invoke(nst_rt, arguments, catch_exceptions=False).exit_code == 0
    made, given = read_image(tmp_path / "made.png").bgr, read_image(photograph).bgr
    assert made.shape == given.shape
    assert np.abs(made.astype(int) - given).mean() > 20


def test_names_of_tensorflow_values_load(drawn, tmp_path, network):
    np.savez(tmp_path / "values.npz", **{f"{name}:0": value for name, value in (drawn | TRAINING).items()})
    found = load_adaptive(read_adaptive(tmp_path / "values.npz")).state_dict()
    assert all(torch.equal(found[name], value) for name, value in network.state_dict().items())


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


def test_files_that_are_missing_are_named(tmp_path):
    with pytest.raises(InputError, match=r"model: no such TensorFlow checkpoint: there is no model\.index"):
        find_bundle(tmp_path / "model")
    with pytest.raises(InputError, match="no such TensorFlow checkpoint"):
        find_bundle(tmp_path / "nowhere" / "model")
    with pytest.raises(InputError, match="holds no TensorFlow checkpoint"):
        find_bundle(tmp_path)
    (tmp_path / "model.h5").write_bytes(b"\x89HDF")
    with pytest.raises(InputError, match=r"model\.h5: not a TensorFlow checkpoint that can be read.*NAME\.index"):
        read_adaptive(tmp_path / "model.h5")
    (tmp_path / "model.data-00000-of-00001").write_bytes(b"\0")
    with pytest.raises(InputError, match=r"model: not a.*model\.index is not beside it"):
        find_bundle(tmp_path / "model")
    (tmp_path / "model.data-00000-of-00001").unlink()
    (tmp_path / "model.index").write_bytes(b"\0\1")
    with pytest.raises(InputError, match=r"there is no model\.data-00000-of-00001 beside model\.index"):
        read_adaptive(tmp_path / "model")
    (tmp_path / "model.data-00001-of-00003").write_bytes(b"\0")
    with pytest.raises(InputError, match=r"there is no model\.data-00000-of-00003, model\.data-00002-of-00003 beside"):
        read_adaptive(tmp_path / "model.index")
    (tmp_path / "model.data-00001-of-00003").unlink()
    (tmp_path / "model.data-00000-of-00001").touch()
    with pytest.raises(InputError, match="00001: the file is empty"):
        read_adaptive(tmp_path)
    (tmp_path / "model.data-00000-of-00001").write_bytes(b"\0")
    (tmp_path / "model.index").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InputError, match="Git LFS"):
        read_adaptive(tmp_path / "model")


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


def test_a_tensorflow_checkpoint_says_the_same_as_the_archive(drawn, archive, tmp_path, network):
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
    assert all(torch.equal(found[name], value) for name, value in network.state_dict().items())
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
