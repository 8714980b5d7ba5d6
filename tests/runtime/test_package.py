"""What importing the package costs and shows."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_using_the_runtime_never_imports_torch(inverting: Path) -> None:
    code = f"""
import sys, numpy
from nst_rt import Stylizer
import nst_rt.cli, nst_rt.jobs.diagnosis, nst_rt.live.loop, nst_rt.media.video.video_reader
import nst_rt.media.video.video_writer, nst_rt.media.images.image_writer
import nst_rt.jobs.pipe_job, nst_rt.jobs.live_job
import nst_rt.styles.style_encoder, nst_rt.live.window, nst_rt.live.camera, nst_rt.live.stream
Stylizer.load(model={str(inverting)!r})(numpy.zeros((16, 16, 3), numpy.uint8))
print(sorted(m for m in sys.modules if m.split('.')[0] in ('torch', 'onnx', 'nst_export', 'nst_train', 'nst_bench')))
"""
    assert run_python(code).strip() == "[]"


def test_help_loads_nothing_heavy() -> None:
    code = """
import sys
sys.argv = ["nst-rt", "--help"]
from nst_rt.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code
heavy = [m for m in ("numpy", "cv2", "onnxruntime", "av", "torch", "onnx") if m in sys.modules]
print("HEAVY", heavy)
"""
    output = run_python(code)
    assert output.strip().endswith("HEAVY []")
    for command in (
        "image",
        "video",
        "webcam",
        "pipe",
        "styles",
        "info",
        "doctor",
        "demo",
        "grid",
        "add-style",
        "remove-style",
    ):
        assert command in output


def test_a_image_loads_only_what_it_needs(inverting: Path, tmp_path: Path) -> None:
    photograph = tmp_path / "photo.png"
    cv2.imwrite(str(photograph), np.zeros((32, 32, 3), np.uint8))
    code = f"""
import sys
sys.argv = ["nst-rt", "image", {str(photograph)!r}, "--model", {str(inverting)!r}, "--device", "cpu", "--threads", "1"]
from nst_rt.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code
needless = (
    "av", "rich.progress", "pydantic", "torch", "onnx", "nst_export", "nst_bench", "openvino",
    "nst_rt.live.loop", "nst_rt.styles.timeline",
    "nst_rt.masks.mask", "nst_rt.styles.style_encoder",
    "nst_rt.styles.color_matching", "nst_rt.cli.video", "nst_rt.cli.webcam", "nst_rt.cli.grid", "nst_rt.cli.add_style",
)
print("NEEDLESS", [name for name in needless if name in sys.modules])
"""
    assert run_python(code).strip().endswith("NEEDLESS []")
    assert (tmp_path / "photo.inverting.png").exists()


def test_a_command_of_another_package_loads_alone() -> None:
    code = """
import sys
sys.argv = ["nst-rt", "export", "--help"]
from nst_rt.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code
print("OTHERS", [name for name in ("nst_bench.bench_commands", "nst_rt.cli.image") if name in sys.modules])
"""
    assert run_python(code).strip().endswith("OTHERS []")


def test_telemetry_is_off_unless_asked_for(tmp_path: Path) -> None:
    code = f"""
import os
os.environ.pop("ORT_DISABLE_TELEMETRY", None)
os.environ["XDG_CACHE_HOME"] = {str(tmp_path)!r}
os.environ["HOME"] = {str(tmp_path)!r}
from nst_rt.engine.ort import load_onnxruntime
load_onnxruntime().get_available_providers()
"""
    run_python(code)
    assert list(tmp_path.rglob("*onnxruntime*")) == []


def test_a_missing_onnxruntime_names_the_install_line() -> None:
    code = """
import sys
sys.modules["onnxruntime"] = None
from nst_rt.errors import DependencyError
from nst_rt.engine.ort import load_onnxruntime
try:
    load_onnxruntime()
except DependencyError as error:
    print(error)
"""
    assert 'pip install ".[cpu]"' in run_python(code)
