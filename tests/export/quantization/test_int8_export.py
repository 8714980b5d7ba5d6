"""`nst-rt export int8`: the file it writes, what it refuses, and the runtime's use of it."""

import json
import shutil

import numpy as np
import onnx
import pytest
import torch
from nst_export.checkpoints.conditional_checkpoint import ConditionalWeights
from nst_export.commands import app
from nst_export.export_options import ExportOptions
from nst_export.families.conditional_export import export_conditional_weights
from nst_export.families.transformer_export import export_transformer
from nst_export.networks.conditional_network import MARGIN, STRIDE
from nst_export.networks.style_encoder_network import StyleEncoder
from nst_export.parity.sample_images import calibration_images, draw_image, sample_images
from nst_export.quantization import export
from nst_export.quantization.convolutions import find_convolutions
from nst_export.quantization.export import export_int8
from nst_rt import Stylizer
from nst_rt.contract import ModelRecord
from nst_rt.errors import InputError, ModelError, OutputError
from nst_rt.files.folders import models_folder
from nst_rt.media.images.image_writer import write_image
from typer.testing import CliRunner


@pytest.fixture(autouse=True)
def few_runs(monkeypatch):
    monkeypatch.setattr(export, "CALIBRATION_RUNS", 6)


@pytest.fixture
def plain(tiny_transformer, tmp_path):
    """The fp32 file of a transformer network."""
    torch.save(tiny_transformer.state_dict(), tmp_path / "tiny.pth")
    return export_transformer(tmp_path / "tiny.pth", tmp_path / "net.onnx", ExportOptions(precision="fp32"))[0].path


@pytest.fixture
def encoding(tiny_conditional, style_of, tmp_path):
    """The fp32 file of a conditional network with two styles and a style encoder."""
    neutral = tiny_conditional.neutral_style()
    styles = {name: style_of(tiny_conditional, seed)[0] for seed, name in enumerate(("one", "two"))}
    encoder = StyleEncoder(neutral, widths=(4, 8, 8), hidden=12).eval()
    weights = ConditionalWeights(tiny_conditional, styles, {}, encoder, "3 steps")
    return export_conditional_weights(
        weights, tmp_path / "own.onnx", ExportOptions(precision="fp32"), source_sha256="abc"
    )[0].path


@pytest.fixture
def styled(tiny_conditional, style_of, tmp_path):
    """The fp32 file of a conditional network with two styles."""
    styles = {name: style_of(tiny_conditional, seed)[0] for seed, name in enumerate(("one", "two"))}
    weights = ConditionalWeights(tiny_conditional, styles, {}, None, "3 steps")
    return export_conditional_weights(weights, tmp_path / "own.onnx", ExportOptions(precision="fp32"))[0].path


def record_of(path):
    metadata = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    return ModelRecord.from_metadata(metadata, str(path))


def psnr(first, second):
    return 10 * np.log10(255**2 / np.mean((first.astype(float) - second) ** 2))


@pytest.mark.parametrize("family", ["plain", "styled"])
def test_the_runtime_finds_the_file_and_paints_the_same_image(family, request):
    model = request.getfixturevalue(family)
    quantised = export_int8(model)
    assert quantised.file.path == model.with_name(f"{model.stem}.int8.onnx")
    record = record_of(quantised.file.path)
    assert record.precision == "int8"
    assert record.source_sha256 == record_of(model).source_sha256
    assert [(entry.height, entry.width) for entry in record.parity] == [(96, 128), (75, 101), (64, 64)]
    assert min(entry.psnr for entry in record.parity) >= 33
    frame = draw_image(61, 83, seed=77)
    images = {}
    for precision in ("fp32", "int8"):
        with Stylizer.load(model=model, device="cpu", precision=precision) as stylizer:
            batch = stylizer(np.stack([frame, frame[::-1]]))
            images[precision] = stylizer(frame)
            assert stylizer.describe()["precision"] == precision
        np.testing.assert_array_equal(batch[0], images[precision])
    assert 30 < psnr(images["fp32"], images["int8"]) < 60


def test_bytes_reach_the_pixels_that_upsampling_interleaves(styled):
    model = onnx.load(styled)
    style = np.zeros((1, record_of(styled).style_size), np.float32)
    ones = {"strength": np.ones(1, np.float32), "color": np.ones(1, np.float32)}
    found = find_convolutions(model, {"frame": np.zeros((2, 32, 32, 3), np.uint8), "style": style, **ones})
    landings = {entry.name: entry.landing for entry in found}
    assert landings["network/up_half/conv"] == "network/up_half/crop"
    assert landings["network/trunk.0/conv1/conv"] == "network/trunk.0/conv1/conv"
    assert found[2].source == "network/down_norm/relu"  # before the padding
    side = (32 + 2 * MARGIN) // STRIDE
    assert found[2].multiplications == 2 * side * side * 8 * 8 * 9


def test_the_ends_stay_in_float32(styled):
    quantised = export_int8(styled)
    assert {"network/stem", "network/up_full"} <= set(quantised.left_out)
    assert quantised.weakest_style in ("one", "two")
    nodes = {node.name: node for node in onnx.load(quantised.file.path).graph.node}
    assert nodes["network/stem/conv"].input[1] == "network/stem/weight"


def test_too_far_from_float32_leaves_no_file(plain, monkeypatch):
    monkeypatch.setattr(export, "_AIM", 90.0)
    with pytest.raises(ModelError, match=r"less than 90 dB.*Nothing was written"):
        export_int8(plain)
    assert not plain.with_name("net.int8.onnx").exists()


def test_what_cannot_be_quantised_is_refused(plain, styled, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        export_int8(tmp_path / "none.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"\x08")
    with pytest.raises(ModelError, match=r"damaged|not made for nst-rt"):
        export_int8(tmp_path / "broken.onnx")
    written = export_int8(plain).file.path
    with pytest.raises(ModelError, match="int8 already"):
        export_int8(written)
    with pytest.raises(OutputError, match=r"exists already.*overwrite it"):
        export_int8(plain)
    export_int8(plain, overwrite=True)
    with pytest.raises(OutputError, match=r"ends with \.int8\.onnx"):
        export_int8(plain, tmp_path / "fast.onnx")
    with pytest.raises(OutputError, match=r"own\.onnx: holds another network"):
        export_int8(plain, tmp_path / "own.int8.onnx")
    styled.with_name("own.styles.json").unlink()
    with pytest.raises(ModelError, match=r"no own\.styles\.json of this network"):
        export_int8(styled)


def test_an_int8_file_of_other_weights_does_not_stay(plain, tiny_transformer, tmp_path):
    export_int8(plain)
    other = tmp_path / "other.pth"
    torch.save({key: value * 0.9 for key, value in tiny_transformer.state_dict().items()}, other)
    export_transformer(other, plain, ExportOptions(precision="fp32", overwrite=True))
    assert not plain.with_name("net.int8.onnx").exists()
    with pytest.raises(OutputError, match="is for int8 models"):
        export_transformer(other, tmp_path / "new.int8.onnx", ExportOptions(precision="fp32"))


def test_photographs_to_calibrate_on_are_others_than_those_of_the_check(tmp_path):
    assert not any(
        np.array_equal(first, second)
        for first in calibration_images(None, 4)
        for second in sample_images(None)
        if first.shape == second.shape
    )
    for shade in range(5):
        write_image(tmp_path / f"{shade}.png", np.full((40, 60, 3), shade, np.uint8))
    assert [int(image[0, 0, 0]) for image in calibration_images(tmp_path, 3)] == [3, 4, 3]
    for shade in (3, 4):
        (tmp_path / f"{shade}.png").unlink()
    assert [int(image[0, 0, 0]) for image in calibration_images(tmp_path, 4)] == [0, 1, 2, 0]


def test_a_models_name_leaves_the_file_in_the_working_folder(styled, tmp_path, monkeypatch):
    home, here = models_folder(), tmp_path / "here"
    shutil.copytree(styled.parent, home, ignore=lambda folder, names: [one for one in names if "own." not in one])
    here.mkdir()
    monkeypatch.chdir(here)
    result = CliRunner().invoke(app, ["int8", "own"], catch_exceptions=False)
    assert result.exit_code == 0
    assert sorted(path.name for path in here.iterdir()) == ["own.int8.onnx", "own.styles.json"]
    assert (here / "own.styles.json").read_bytes() == styled.with_name("own.styles.json").read_bytes()
    assert "own.styles.json: copied" in result.stderr
    assert record_of(here / "own.int8.onnx").source_sha256 == record_of(styled).source_sha256
    assert not (home / "own.int8.onnx").exists()
    with pytest.raises(ModelError, match=r"no model named 'owm' .did you mean 'own'"):
        CliRunner().invoke(app, ["int8", "owm"], catch_exceptions=False)


def test_in_another_folder_it_is_of_use_by_itself(encoding, tmp_path):
    (tmp_path / "out").mkdir()
    written = export_int8(encoding, tmp_path / "out" / "fast.int8.onnx")
    styles, encoder = (tmp_path / "out" / f"fast{end}" for end in (".styles.json", ".encoder.onnx"))
    assert set(written.companions) == {styles, encoder}
    assert written.file.record.style_encoder == "fast.encoder.onnx"
    painting = tmp_path / "painting.png"
    write_image(painting, draw_image(70, 60, seed=5))
    with (
        Stylizer.load(model=written.file.path, device="cpu") as alone,
        Stylizer.load(model=encoding, device="cpu") as whole,
    ):
        assert alone.styles == whole.styles == ["one", "two"]
        for style in ("two", str(painting)):
            np.testing.assert_array_equal(alone.style_vector(style), whole.style_vector(style))


def test_copies_are_planned_like_other_targets(encoding, plain, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    target, styles = out / "own.int8.onnx", out / "own.styles.json"

    def there():
        return sorted(path.name for path in out.iterdir())

    styles.write_text("mine")
    with pytest.raises(OutputError, match=r"own\.styles\.json: exists already.*overwrite it"):
        export_int8(encoding, target)
    assert there() == ["own.styles.json"]
    assert styles.read_text() == "mine"
    export_int8(encoding, target, overwrite=True)
    assert styles.read_bytes() == encoding.with_name("own.styles.json").read_bytes()
    # What is there already, byte by byte, is in nobody's way.
    target.unlink()
    assert export_int8(encoding, target).companions == ()
    assert there() == ["own.encoder.onnx", "own.int8.onnx", "own.styles.json"]

    # A network of one style has no use for the styles and the encoder of another that lie there.
    target.unlink()
    with pytest.raises(OutputError, match=r"own\.\w+\.(onnx|json): belongs to another network.*allow overwriting"):
        export_int8(plain, target)
    assert there() == ["own.encoder.onnx", "own.styles.json"]
    export_int8(plain, target, overwrite=True)
    assert there() == ["own.int8.onnx"]


def test_an_encoder_of_another_network_does_not_come_along(encoding, tmp_path):
    encoder = encoding.with_name("own.encoder.onnx")
    model = onnx.load(encoder)
    next(entry for entry in model.metadata_props if entry.key == "nst_rt.source_sha256").value = "else"
    onnx.save(model, encoder)
    (tmp_path / "out").mkdir()
    written = export_int8(encoding, tmp_path / "out" / "own.int8.onnx")
    assert [path.name for path in written.companions] == ["own.styles.json"]


def test_the_command(styled):
    result = CliRunner().invoke(app, ["int8", str(styled), "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    (told,) = json.loads(result.stdout)["models"]
    assert (told["precision"], told["file"]) == ("int8", str(styled.with_name("own.int8.onnx")))
    assert "against own.onnx on drawn images" in result.stderr
    assert "in fp32 network/stem" in result.stderr
