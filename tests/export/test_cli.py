"""`nst-rt export`: what it prints, where, and what it imports."""

import json
import os
import subprocess
import sys

import pytest
import torch
from nst_export.cli import app
from nst_rt.errors import InputError
from typer.testing import CliRunner


@pytest.fixture
def checkpoint(tiny_transformer, tmp_path):
    path = tmp_path / "tiny.pth"
    torch.save(tiny_transformer.state_dict(), path)
    return path


def python(code):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_help_imports_nothing_heavy():
    done = python(
        "import sys; from nst_export.cli import app\n"
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
        "from nst_export.cli import app; from nst_rt.errors import DependencyError\n"
        "try: app(['transformer', 'a.pth', '-o', 'b.onnx'], standalone_mode=False)\n"
        "except DependencyError as error: print(error)"
    )
    assert f'exporting needs {package}: pip install "nst-rt[export]"' in done.stdout, done.stderr


def test_messages_go_to_stderr_and_json_to_stdout(checkpoint, tmp_path):
    output = tmp_path / "out.onnx"
    arguments = ["transformer", str(checkpoint), "-o", str(output), "--license", "CC0", "--json"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    models = json.loads(result.stdout)["models"]
    assert [model["file"] for model in models] == [str(output), str(tmp_path / "out.fp16.onnx")]
    assert models[0]["license"] == "CC0"
    assert models[0]["parity"][0]["width"] == 128
    assert "PSNR dB" in result.stderr
    quiet = CliRunner().invoke(app, [*arguments[:-1], "--precision", "fp32", "--no-controls"], catch_exceptions=False)
    assert quiet.stdout == ""


def test_errors_reach_the_command_line_as_ours(tmp_path):
    arguments = ["adain", "--encoder", str(tmp_path / "e.pth"), "--decoder", "d.pth", "-o", str(tmp_path / "o.onnx")]
    with pytest.raises(InputError, match=r"e\.pth: no such file"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
