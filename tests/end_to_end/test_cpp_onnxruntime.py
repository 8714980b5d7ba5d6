"""nst_rt.hpp and the C library over it, built by CMake against ONNX Runtime's SDK: their images equal Python's.

Skipped where no SDK is found: set ONNXRUNTIME_ROOT (`runtime/cpp/tests/onnxruntime_sdk.sh` makes such a folder).
"""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import nst_rt
import numpy as np
import onnx
import onnxruntime
import pytest
from cpp_programs import SOURCES, CMakeBuild, read_ppm, write_ppm
from nst_rt import Stylizer
from nst_rt.models.catalog import BUILT_IN, find_model
from nst_rt.styles.styles_file import Style, styles_text
from numpy.typing import NDArray
from tiny_images import draw
from tiny_models import RECORD, inverting_model, mean_color_encoder, tinting_model

BUILT_IN_MODEL = find_model(BUILT_IN).path
PROGRAMS = ("nst_rt_stylize_ppm", "nst_rt_stylize_ppm_c", "nst_rt_hpp_test", "nst_rt_c_test")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> CMakeBuild:
    build = CMakeBuild(tmp_path_factory.mktemp("cpp"))
    if build.configured and "ONNX Runtime was not found" in build.said:
        pytest.skip("no SDK of ONNX Runtime: set ONNXRUNTIME_ROOT to the folder of an unpacked release")
    build.build(*PROGRAMS)
    return build


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Sides that no stride divides."""
    return write_ppm(tmp_path / "in.ppm", draw(1, 61, 97))


def stylize(
    built: CMakeBuild, model: Path, image: Path, *options: str, program: str = "nst_rt_stylize_ppm"
) -> NDArray[np.uint8]:
    out = image.with_name("out.ppm")
    done = built.run(program, model, image, out, *options)
    assert done.returncode == 0, done.stderr
    # Another version's kernels may round another way; the same version's may not.
    found = re.search(r"ONNX Runtime (\S+)", done.stderr)
    assert found, done.stderr
    if found[1] != onnxruntime.__version__:
        pytest.skip(f"the SDK is ONNX Runtime {found[1]}, Python's {onnxruntime.__version__}: pixels may differ")
    return read_ppm(out)


def complaint(built: CMakeBuild, model: Path, image: Path, *options: str) -> str:
    """What the example says when it refuses."""
    out = image.with_name("never.ppm")
    done = built.run("nst_rt_stylize_ppm", model, image, out, "--device", "cpu", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert not out.exists()
    return done.stderr


def test_the_headers_own_tests(built: CMakeBuild, tinting: Path, inverting: Path) -> None:
    for program, arguments in {"nst_rt_hpp_test": (tinting,), "nst_rt_c_test": (tinting, inverting)}.items():
        done = built.run(program, *arguments)
        assert done.returncode == 0, done.stderr


def test_versions_agree() -> None:
    header = (SOURCES / "include" / "nst_rt" / "nst_rt.hpp").read_text(encoding="utf-8")
    assert f'#define NST_RT_VERSION "{nst_rt.__version__}"' in header


@pytest.mark.parametrize(
    ("style", "strength", "color"),
    [("gogh", 1.0, 1.0), ("gogh:0.7+wave:0.3", 0.6, 1.0), ("mondrian+ wave :2+gogh:1e-1", 1.0, 0.25)],
)
def test_images_equal_pythons(built: CMakeBuild, image: Path, style: str, strength: float, color: float) -> None:
    options = ["--style", style, "--strength", str(strength), "--color", str(color), "--device", "cpu"]
    made = stylize(built, BUILT_IN_MODEL, image, *options, "--threads", "1")
    stylizer = Stylizer.load(style=style, device="cpu", strength=strength, color=color, threads=1)
    np.testing.assert_array_equal(made, stylizer(read_ppm(image)))


def test_the_c_library_and_the_fp16_file_equal_python(built: CMakeBuild, image: Path) -> None:
    half = find_model(BUILT_IN).fp16
    assert half is not None
    made = stylize(built, half, image, "wave", "cpu", program="nst_rt_stylize_ppm_c")
    wanted = Stylizer.load("wave", model=half, device="cpu")(read_ppm(image))
    np.testing.assert_array_equal(made, wanted)


def test_a_baked_style_and_the_first_style_need_no_name(built: CMakeBuild, inverting: Path, image: Path) -> None:
    frame = read_ppm(image)
    np.testing.assert_array_equal(stylize(built, inverting, image), 255 - frame)
    first = stylize(built, BUILT_IN_MODEL, image, "--device", "cpu", "--threads", "1")
    np.testing.assert_array_equal(first, Stylizer.load(device="cpu", threads=1)(frame))


def test_a_painting_is_read_and_blended(built: CMakeBuild, tinting: Path, image: Path) -> None:
    painting = write_ppm(image.with_name("painting.ppm"), np.full((20, 30, 3), (200, 100, 40), np.uint8))
    made = stylize(built, tinting, image, "--painting", str(painting))
    wanted = np.clip(np.round(read_ppm(image) * np.float32(0.5) + np.float32([100, 50, 20])), 0, 255)
    np.testing.assert_array_equal(made, wanted.astype(np.uint8))


def test_a_large_painting_is_reduced_as_python_reduces_it(built: CMakeBuild, tinting: Path, image: Path) -> None:
    painting = write_ppm(image.with_name("painting.ppm"), draw(3, 700, 1100))
    made = stylize(built, tinting, image, "--painting", str(painting))
    for_python = painting.with_suffix(".png")
    assert cv2.imwrite(str(for_python), read_ppm(painting))
    stylizer = Stylizer.load(for_python, model=tinting, device="cpu")
    # Areas are summed in another order than OpenCV's: a pixel of the reduced painting may round the other way.
    np.testing.assert_allclose(made, stylizer(read_ppm(image)), atol=1)


def test_styles_of_the_users_own_are_found(
    built: CMakeBuild, tinting: Path, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("NST_RT_HOME", str(home))
    folder = home / "styles" / "tinting"
    folder.mkdir(parents=True)
    beside = tinting.with_name("tinting.styles.json")
    beside.write_text(styles_text([Style("dim", np.zeros(3, np.float32), title="Café")], ""), encoding="utf-8")
    (folder / "mine.json").write_text(styles_text([Style("grün", np.float32([0, 90, 0]))], "0" * 64), encoding="utf-8")
    (folder / "other.json").write_text(styles_text([Style("other", np.zeros(3, np.float32))], "1" * 64))
    (folder / "broken.json").write_text("{")
    (folder / "folder.json").mkdir()
    made = stylize(built, tinting, image, "--style", "grün:0.5+dim:0.5")
    stylizer = Stylizer.load("grün:0.5+dim:0.5", model=tinting, device="cpu")
    np.testing.assert_array_equal(made, stylizer(read_ppm(image)))
    said = complaint(built, tinting, image, "--style", "gogh")
    assert "'other' belongs to another network" in said
    assert "broken.json: not a styles file" in said
    assert "no style named 'gogh'. There are dim, grün" in said


def test_files_that_are_no_models_of_ours(built: CMakeBuild, image: Path, tmp_path: Path) -> None:
    assert "nothing.onnx: no such model file" in complaint(built, tmp_path / "nothing.onnx", image)
    assert "no such model file" in complaint(built, tmp_path, image)

    cut = tmp_path / "cut.onnx"
    cut.write_bytes(BUILT_IN_MODEL.read_bytes()[:50_000])
    assert "cannot read it as a model" in complaint(built, cut, image)

    foreign = onnx.load(inverting_model(tmp_path / "foreign.onnx"))
    del foreign.metadata_props[:]
    onnx.save(foreign, tmp_path / "foreign.onnx")
    assert "not made for nst-rt (no nst_rt.contract" in complaint(built, tmp_path / "foreign.onnx", image)

    newer = inverting_model(tmp_path / "newer.onnx", replace(RECORD, contract=2))
    assert "needs contract 2, this nst_rt.hpp knows 1" in complaint(built, newer, image)

    # The record promises four numbers, the graph takes three.
    long = tinting_model(tmp_path / "long.onnx", replace(RECORD, style_size=4, styles=()))
    assert "'style' has the shape [1, 3]; dimension 1 is none of 4" in complaint(built, long, image)

    encoder = mean_color_encoder(tmp_path / "mean.onnx")
    assert "a style encoder, not a stylising model" in complaint(built, encoder, image)


def test_styles_that_do_not_fit(built: CMakeBuild, tinting: Path, image: Path) -> None:
    said = complaint(built, BUILT_IN_MODEL, image, "--style", "gohg")
    names = Stylizer.load(device="cpu").styles
    assert f"no style named 'gohg'. There are {', '.join(names)}" in said

    said = complaint(built, BUILT_IN_MODEL, image, "--style", "gogh:0.7+wave:x")
    with pytest.raises(nst_rt.StyleError) as python:
        Stylizer.load("gogh:0.7+wave:x", device="cpu")
    assert said == f"{python.value}\n{python.value.below}\n"

    styles = tinting.with_name("tinting.styles.json")
    styles.write_text(json.dumps({"styles": [{"name": "five", "vector": [1, 2, 3, 4, 5]}]}))
    said = complaint(built, tinting, image, "--style", "five")
    assert "style 'five' belongs to another network, left out" in said
    styles.write_text('{"styles": [{"name": "x", "vector": [1, "2", 3]}]}')
    assert "the vector of 'x' is not a list of finite numbers" in complaint(built, tinting, image)
    styles.write_text('{"styles": [{"name": "x"}]}')
    assert "malformed style" in complaint(built, tinting, image)

    for option, words in {"--strength": "strength 1.5 is out of range", "--color": "color 1.5 is out of range"}.items():
        assert words in complaint(built, BUILT_IN_MODEL, image, option, "1.5")


def test_frames_and_paintings_that_do_not_fit(built: CMakeBuild, tinting: Path, image: Path, tmp_path: Path) -> None:
    small = write_ppm(tmp_path / "small.ppm", draw(1, 15, 40))
    assert "a frame of 40x15 is too small" in complaint(built, tinting, small, "--painting", str(image))
    assert "a frame of 40x15 is too small" in complaint(built, tinting, image, "--painting", str(small))
    strip = write_ppm(tmp_path / "strip.ppm", draw(1, 20, 2000))
    assert "2000x20 shrinks to 640x6" in complaint(built, tinting, image, "--painting", str(strip))

    assert "no style encoder beside it" in complaint(
        built, shutil.copy(tinting, tmp_path / "alone.onnx"), image, "--painting", str(image)
    )
    other = onnx.load(tinting.with_name("tinting.encoder.onnx"))
    next(entry for entry in other.metadata_props if entry.key == "nst_rt.source_sha256").value = "1" * 64
    onnx.save(other, tinting.with_name("tinting.encoder.onnx"))
    assert "from another checkpoint than tinting.onnx" in complaint(built, tinting, image, "--painting", str(image))


def test_devices_are_demands(built: CMakeBuild, inverting: Path, image: Path) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime was built for CUDA")
    out = image.with_name("never.ppm")
    for device in ("cuda:0", "tensorrt"):
        done = built.run("nst_rt_stylize_ppm", inverting, image, out, "--device", device)
        assert done.returncode == 2
        assert "this ONNX Runtime was built for" in done.stderr
    done = built.run("nst_rt_stylize_ppm", inverting, image, out, "--device", "openvino")
    assert "unknown device 'openvino'" in done.stderr


def test_only_the_c_functions_are_exported(built: CMakeBuild) -> None:
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed")
    command = ["nm", "-D", "--defined-only", str(built.folder / "libnst_rt.so")]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    exported = {line.split()[-1] for line in listed.splitlines()}
    header = (SOURCES / "include" / "nst_rt" / "nst_rt.h").read_text(encoding="utf-8")
    declared = set(re.findall(r"NST_RT_API [^;(]*?\b\*?(nst_rt_\w+)\(", header))
    assert len(declared) > 15
    assert exported == declared


def test_opencv_images_are_read_where_they_lie(built: CMakeBuild, image: Path, tmp_path: Path) -> None:
    if not built.has("nst_rt_stylize_opencv"):
        pytest.skip("no OpenCV for C++ (libopencv-dev)")
    built.build("nst_rt_stylize_opencv")
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    assert cv2.imwrite(str(source), read_ppm(image))
    done = built.run("nst_rt_stylize_opencv", BUILT_IN_MODEL, "wave", source, target)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read_ppm(target), stylize(built, BUILT_IN_MODEL, image, "--style", "wave"))
    done = built.run("nst_rt_stylize_opencv", BUILT_IN_MODEL, "wave", tmp_path / "none.png", target)
    assert (done.returncode, "neither an image nor a video nor a camera" in done.stderr) == (2, True)


CONSUMER = """
cmake_minimum_required(VERSION 3.21)
project(consumer C CXX)
find_package(nst_rt_onnxruntime 0.1 REQUIRED)
add_executable(in_c main.c)
target_link_libraries(in_c PRIVATE nst_rt::c)
add_executable(in_cpp main.cpp)
target_link_libraries(in_cpp PRIVATE nst_rt::cpp)
"""


def test_the_installed_package_is_found(built: CMakeBuild, tmp_path: Path) -> None:
    prefix, project = tmp_path / "prefix", tmp_path / "project"
    build = CMakeBuild(tmp_path / "to_install", "NST_RT_EXAMPLES=OFF", "NST_RT_TESTS=OFF")
    build.build("all")
    subprocess.run(["cmake", "--install", str(build.folder), "--prefix", str(prefix)], check=True, capture_output=True)
    project.mkdir()
    (project / "CMakeLists.txt").write_text(CONSUMER)
    (project / "main.c").write_text("#include <nst_rt/nst_rt.h>\nint main(void) { return nst_rt_abi_version() - 1; }\n")
    (project / "main.cpp").write_text(
        '#include <nst_rt/nst_rt.hpp>\nint main() { return nst_rt::parse_blend("a+b").size() == 2 ? 0 : 1; }\n'
    )
    consumer = CMakeBuild(tmp_path / "consumer", f"CMAKE_PREFIX_PATH={prefix}", sources=project)
    consumer.build("all")
    for program in ("in_c", "in_cpp"):
        assert consumer.run(program).returncode == 0


def test_how_onnxruntime_is_found(built: CMakeBuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"ONNX Runtime is (\S+)", built.said)
    if not found:
        pytest.skip("ONNX Runtime was found by its CMake package")
    root = Path(found[1]).parents[1]
    small = ("NST_RT_EXAMPLES=OFF", "NST_RT_TESTS=OFF")

    # A package as the release archives had it for two years: its folder for headers does not exist.
    monkeypatch.delenv("ONNXRUNTIME_ROOT")
    broken = tmp_path / "broken" / "lib" / "cmake" / "onnxruntime"
    broken.mkdir(parents=True)
    package = """
        add_library(onnxruntime::onnxruntime SHARED IMPORTED)
        set_target_properties(onnxruntime::onnxruntime PROPERTIES
            INTERFACE_INCLUDE_DIRECTORIES "{headers}" IMPORTED_LOCATION "{library}")
    """
    config = broken / "onnxruntimeConfig.cmake"
    config.write_text(package.format(headers=tmp_path / "nowhere", library=found[1]))
    prefixes = f"CMAKE_PREFIX_PATH={tmp_path / 'broken'};{root}"
    by_path = CMakeBuild(tmp_path / "by_path", prefixes, *small)
    assert by_path.configured, by_path.said
    assert "names headers that are not there" in by_path.said
    assert f"ONNX Runtime is {found[1]}" in by_path.said

    config.write_text(package.format(headers=root / "include", library=found[1]))
    by_package = CMakeBuild(tmp_path / "by_package", prefixes, *small)
    assert by_package.configured, by_package.said
    assert "by its package" in by_package.said

    wrong = CMakeBuild(tmp_path / "wrong", f"ONNXRUNTIME_ROOT={tmp_path}", *small)
    assert not wrong.configured
    assert f"no ONNX Runtime in ONNXRUNTIME_ROOT={tmp_path}" in re.sub(r"\s+", " ", wrong.said)
