"""`nst-rt export`: what it prints, where, and what it imports."""

import json
import os
import subprocess
import sys

import pytest
from nst_export.commands import app
from nst_rt.errors import InputError, OutputError
from typer.testing import CliRunner


def python(code, **variables):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_help_imports_nothing_heavy():
    done = python(
        "import sys; from nst_export.commands import app\n"
        "try: app(['transformer', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'onnx', 'onnxruntime', 'numpy', 'cv2'} & {*sys.modules}, sys.modules.keys()"
    )
    assert done.returncode == 0, done.stderr
    assert "--no-controls" in done.stdout


@pytest.mark.parametrize("package", ["torch", "onnx"])
def test_missing_packages_are_named(package):
    done = python(
        f"import sys; sys.modules['{package}'] = None\n"
        "from nst_export.commands import app; from nst_rt.errors import DependencyError\n"
        "try: app(['transformer', 'a.pth', '-o', 'b.onnx'], standalone_mode=False)\n"
        "except DependencyError as error: print(error)"
    )
    assert f'exporting needs {package}: pip install -c constraints.txt ".[export]"' in done.stdout, done.stderr


def test_messages_go_to_stderr_and_json_to_stdout(transformer_checkpoint, tmp_path):
    output = tmp_path / "out.onnx"
    arguments = ["transformer", str(transformer_checkpoint), "-o", str(output), "--license", "CC0", "--json"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    models = json.loads(result.stdout)["models"]
    assert [model["file"] for model in models] == [str(output), str(tmp_path / "out.fp16.onnx")]
    assert models[0]["license"] == "CC0"
    assert models[0]["parity"][0]["width"] == 128
    assert "against PyTorch float32 on drawn images" in result.stderr
    assert "PSNR dB" in result.stderr
    with pytest.raises(OutputError, match="exists already"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    lean = [*arguments[:-1], "--precision", "fp32", "--no-controls", "--overwrite"]
    quiet = CliRunner().invoke(app, lean, catch_exceptions=False)
    assert quiet.stdout == ""


def test_errors_reach_the_command_line_as_ours(tmp_path):
    arguments = ["adain", "--encoder", str(tmp_path / "e.pth"), "--decoder", "d.pth", "-o", str(tmp_path / "o.onnx")]
    with pytest.raises(InputError, match=r"e\.pth: no such file"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_exporting_needs_nothing_of_training():
    done = python(
        "import sys; from nst_export.families import adain_export, conditional_export, transformer_export\n"
        "assert not [name for name in sys.modules if name.startswith('nst_train')]"
    )
    assert done.returncode == 0, done.stderr


def test_an_export_leaves_no_telemetry_behind(transformer_checkpoint, tmp_path):
    home, output = tmp_path / "home", tmp_path / "out.onnx"
    home.mkdir()
    done = python(
        "import os; os.environ.pop('ORT_DISABLE_TELEMETRY', None)\n"
        "from nst_export.parity import sample_images; sample_images.SIZES = ((64, 64),)\n"
        "from nst_export.commands import app\n"
        f"app(['transformer', {str(transformer_checkpoint)!r}, '-o', {str(output)!r}], standalone_mode=False)",
        HOME=str(home),
        XDG_CACHE_HOME=str(home / "cache"),
    )
    assert done.returncode == 0, done.stderr
    assert output.is_file()
    assert list(home.rglob("*onnxruntime*")) == []
