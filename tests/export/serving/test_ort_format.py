"""`nst-rt export ort`: the same image, and the operators that a reduced build needs."""

import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from nst_export.commands import app
from nst_export.export_options import ExportOptions
from nst_export.families.transformer_export import export_transformer
from nst_export.parity.sample_images import draw_image
from nst_export.serving.ort_format import export_ort
from nst_rt.contract import ModelRecord
from nst_rt.errors import InputError, ModelError, OutputError
from nst_rt.files.folders import models_folder
from onnxruntime.tools import convert_onnx_models_to_ort
from tiny_models import mean_color_encoder, tinting_model
from typer.testing import CliRunner

# ONNX Runtime's converter leaves the file that it reads open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@pytest.fixture
def model(tiny_transformer, tmp_path):
    torch.save(tiny_transformer.state_dict(), tmp_path / "tiny.pth")
    return export_transformer(tmp_path / "tiny.pth", tmp_path / "net.onnx", ExportOptions(precision="fp32"))[0].path


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def operators_in(path):
    """Operators by domain and version, as ONNX Runtime's build script reads them."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return {line.split(";")[0] for line in lines}, " ".join(lines)


def test_the_same_image_and_the_same_record(model, capfd):
    written = export_ort(model)
    assert written.model == model.with_name("net.ort")
    feeds = {
        "frame": draw_image(50, 70, seed=5)[None],
        "strength": np.array([0.7], np.float32),
        "color": np.array([0.2], np.float32),
    }
    before, after = session(model), session(written.model)
    assert np.abs(before.run(None, feeds)[0].astype(int) - after.run(None, feeds)[0]).max() <= 1
    record = ModelRecord.from_metadata(after.get_modelmeta().custom_metadata_map, "net.ort")
    assert (record.family, record.styles) == ("transformer", ("net",))
    assert min(entry.psnr for entry in written.parity) >= 40
    domains, text = operators_in(written.operators)
    assert domains == {"ai.onnx"}
    for operator in ("Conv", "Pad", "InstanceNormalization", "Transpose"):
        assert operator in text
    assert written.operators.read_text().startswith("# Of net.ort\n")
    assert capfd.readouterr().out == ""


def test_style_vectors_and_style_encoders(tmp_path):
    export_ort(tinting_model(tmp_path / "tint.onnx", rows="styles"))
    mean_color_encoder(tmp_path / "tint.encoder.onnx")
    told = export_ort(tmp_path / "tint.encoder.onnx")
    assert told.model.name == "tint.encoder.ort"
    painting = draw_image(40, 30)
    (vector,) = session(told.model).run(None, {"image": painting[None]})
    np.testing.assert_allclose(vector[0], painting.reshape(-1, 3).mean(axis=0) / 2, rtol=1e-4)


def test_styles_and_encoder_come_along_to_another_folder(tmp_path):
    source, out = tinting_model(tmp_path / "tint.onnx", rows="styles"), tmp_path / "out"
    mean_color_encoder(tmp_path / "tint.encoder.onnx")
    entry = {"name": "dusk", "vector": [1, 2, 3]}
    (tmp_path / "tint.styles.json").write_text(json.dumps({"source_sha256": "0" * 64, "styles": [entry]}))
    assert export_ort(source).companions == ()
    out.mkdir()
    told = export_ort(source, out / "small.ort")
    assert told.companions == (out / "small.styles.json", out / "small.encoder.onnx")
    for copy in told.companions:
        assert copy.read_bytes() == (tmp_path / copy.name.replace("small", "tint")).read_bytes()
    (out / "small.encoder.onnx").write_bytes(b"mine")
    told.model.unlink()
    told.operators.unlink()
    with pytest.raises(OutputError, match=r"small\.encoder\.onnx: exists already"):
        export_ort(source, out / "small.ort")
    assert not told.model.exists()
    assert export_ort(tmp_path / "tint.encoder.onnx", out / "tint.encoder.ort").companions == ()


def test_a_file_that_exists_stays_unless_asked(model):
    taken = model.with_name("net.required_operators_and_types.config")
    taken.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        export_ort(model)
    assert taken.read_text() == "mine"
    assert not model.with_name("net.ort").exists()
    export_ort(model, overwrite=True)
    assert taken.read_text().startswith("# Of net.ort")


def test_a_file_that_computes_something_else_is_not_written(model, monkeypatch):
    other = onnx.load(model)
    for tensor in other.graph.initializer:
        if tensor.name.endswith("weight") and len(tensor.dims) == 4:
            values = onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array(-values, tensor.name))
            break

    def convert(source, **options):
        """As ONNX Runtime's converter, but of another model."""
        source.with_name("model.ort").write_bytes(other.SerializeToString())
        source.with_name("model.required_operators_and_types.config").write_text("ai.onnx;18;Pad\n")

    monkeypatch.setattr(convert_onnx_models_to_ort, "convert_onnx_models_to_ort", convert)
    with pytest.raises(ModelError, match=r"would differ from net\.onnx"):
        export_ort(model)
    assert not model.with_name("net.ort").exists()
    assert not model.with_name("net.required_operators_and_types.config").exists()


def test_what_cannot_be_converted(model, tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.onnx: no such file"):
        export_ort(tmp_path / "nowhere.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"broken\.onnx: damaged"):
        export_ort(tmp_path / "broken.onnx")
    foreign = onnx.load(model)
    del foreign.metadata_props[:]
    onnx.save(foreign, tmp_path / "foreign.onnx")
    with pytest.raises(ModelError, match=r"foreign\.onnx"):
        export_ort(tmp_path / "foreign.onnx")
    with pytest.raises(OutputError, match=r"ends with \.ort. Give out\.ort"):
        export_ort(model, tmp_path / "out.onnx")


def test_a_models_name_leaves_the_files_in_the_working_folder(model, tmp_path, monkeypatch):
    models_folder().mkdir(parents=True)
    shutil.copy(model, models_folder() / "mine.onnx")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    result = CliRunner().invoke(app, ["ort", "mine"], catch_exceptions=False)
    assert result.exit_code == 0
    assert sorted(path.name for path in here.iterdir()) == ["mine.ort", "mine.required_operators_and_types.config"]
    assert [path.name for path in models_folder().iterdir()] == ["mine.onnx"]


def test_the_command(model, tmp_path):
    line = ["ort", str(model), "-o", str(tmp_path / "small.ort"), "--target", "arm", "--json"]
    result = CliRunner().invoke(app, line, catch_exceptions=False)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["model"] == str(tmp_path / "small.ort")
    assert told["parity"][0]["psnr"] >= 40
    assert "against net.onnx on drawn images" in result.stderr
    assert "--include_ops_by_config" in result.stderr
