"""The same model files on OpenVINO's C++ API: its Python wheel carries the headers and libraries to build against."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cpp_programs import CMakeBuild, read_ppm, write_ppm
from nst_rt import Stylizer
from nst_rt.engine.openvino import openvino_backend
from nst_rt.models.catalog import BUILT_IN, find_model
from tiny_images import draw
from tiny_models import RECORD, tinting_model

BUILT_IN_MODEL = find_model(BUILT_IN).path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> CMakeBuild:
    wheel = importlib.util.find_spec("openvino")
    found = [f"OpenVINO_DIR={Path(wheel.origin).parent / 'cmake'}"] if wheel and wheel.origin else []
    build = CMakeBuild(tmp_path_factory.mktemp("openvino"), "NST_RT_TESTS=OFF", *found)
    if build.configured and not build.has("nst_rt_stylize_openvino"):
        pytest.skip("no OpenVINO for C++: pip install openvino")
    build.build("nst_rt_stylize_openvino")
    return build


@pytest.mark.parametrize("style", ["gogh", "gogh:0.7+wave:0.3"])
def test_images_equal_pythons(built: CMakeBuild, tmp_path: Path, style: str) -> None:
    image, out = write_ppm(tmp_path / "in.ppm", draw(1, 61, 97)), tmp_path / "out.ppm"
    done = built.run("nst_rt_stylize_openvino", BUILT_IN_MODEL, image, out, style)
    assert done.returncode == 0, done.stderr
    # OpenVINO's own runtime where there is one; ONNX Runtime's fp32 arithmetic rounds a pixel in ten thousand
    # the other way.
    stylizer = Stylizer.load(style, device="openvino" if openvino_backend() == "own" else "cpu")
    np.testing.assert_allclose(read_ppm(out), stylizer(read_ppm(image)), atol=0 if openvino_backend() == "own" else 1)


def test_a_baked_style(built: CMakeBuild, inverting: Path, tmp_path: Path) -> None:
    image, out = write_ppm(tmp_path / "in.ppm", draw(2, 40, 33)), tmp_path / "out.ppm"
    assert built.run("nst_rt_stylize_openvino", inverting, image, out).returncode == 0
    np.testing.assert_array_equal(read_ppm(out), 255 - read_ppm(image))


def test_what_it_refuses(built: CMakeBuild, tinting: Path, tmp_path: Path) -> None:
    image, out = write_ppm(tmp_path / "in.ppm", draw(1, 40, 33)), tmp_path / "out.ppm"
    small = write_ppm(tmp_path / "small.ppm", draw(1, 15, 33))
    encoder = tinting.with_name("tinting.encoder.onnx")
    # The record promises four numbers, the graph takes three.
    long = tinting_model(tmp_path / "long.onnx", replace(RECORD, style_size=4, styles=()))
    for model, source, style, words in (
        (BUILT_IN_MODEL, image, "gohg", "no style named 'gohg'. There are gogh, "),
        (BUILT_IN_MODEL, image, "gogh:x", "a weight is a number from 0 up"),
        (BUILT_IN_MODEL, small, "gogh", "33x15 is too small"),
        (encoder, image, "gogh", "a style encoder, not a stylising model"),
        (long, image, "gogh", "'style' has the shape [1, 3]; dimension 1 is none of 4"),
        (tmp_path / "none.onnx", image, "gogh", "none.onnx"),
    ):
        done = built.run("nst_rt_stylize_openvino", model, source, out, style)
        assert (done.returncode, words in done.stderr, out.exists()) == (2, True, False), done.stderr
