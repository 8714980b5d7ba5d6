"""The C and C++ client of `nst-rt share`: built with the system's compiler as its README says, and held to Python."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from cpp_programs import SOURCES, CMakeBuild, read_ppm, write_ppm
from nst_rt import Stylizer
from nst_rt.media.images.sample_image import landscape

TARGETS = ("nst_rt_share", "nst_rt_share_image", "nst_rt_share_latency")
TESTS = ("nst_rt_share_test", "nst_rt_share_wrapper_test")

_PROGRAM = """
#include <cstdio>
#include <cstdlib>
#include <nst_rt/share.hpp>

int main(int, char **arguments)
{
    nst_rt::Share share(arguments[1]);
    auto frame = share.begin(std::atoi(arguments[2]), std::atoi(arguments[3]));
    if (std::fread(frame.pixels(), 1, frame.bytes(), stdin) != frame.bytes())
        return 1;
    frame.commit();
    auto result = share.receive(std::chrono::minutes(1));
    return std::fwrite(result->pixels, 1, result->bytes, stdout) != result->bytes;
}
"""

_PROJECT = """
cmake_minimum_required(VERSION 3.16)
project(mine CXX)
{finding}
add_executable(mine mine.cpp)
target_link_libraries(mine PRIVATE nst_rt::share)
"""


def run(*command: str | Path) -> str:
    told = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> CMakeBuild:
    """Everything of shared memory, by the system's compiler."""
    missing = [tool for tool in ("ctest", "cc", "c++") if shutil.which(tool) is None]
    if missing or not sys.platform.startswith("linux"):
        pytest.skip(f"no {', '.join(missing) or 'Linux'}: apt-get install cmake gcc g++")
    definitions = ("CMAKE_BUILD_TYPE=Release", "CMAKE_COMPILE_WARNING_AS_ERROR=ON")
    build = CMakeBuild(tmp_path_factory.mktemp("build"), *definitions)
    build.build(*TARGETS, *TESTS)
    return build


@contextmanager
def share(name: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """`nst-rt share`, once it serves."""
    command = [sys.executable, "-c", "from nst_rt.cli import main; main()", "share", "--name", name, *arguments]
    command += ["--device", "cpu", "--threads", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            assert any(line.startswith("serving") for line in iter(process.stderr.readline, ""))
            yield process
            process.terminate()
            process.communicate(timeout=30)
            assert process.returncode == 0
        finally:
            process.kill()


def test_ctest(built: CMakeBuild) -> None:
    told = run("ctest", "--test-dir", built.folder, "--output-on-failure", "-R", "^nst_rt_share")
    assert "100% tests passed, 0 tests failed out of 2" in told


@pytest.mark.parametrize("size", [(640, 480), (331, 187)])
def test_a_image_from_c_equals_the_one_from_python(size: tuple[int, int], built: CMakeBuild, tmp_path: Path) -> None:
    image = landscape(*size)
    photo = write_ppm(tmp_path / "photo.ppm", image)
    name = f"end-to-end-{os.getpid()}"
    with share(name, "--style", "gogh", "--size", "640x480"):
        run(built.folder / "nst_rt_share_image", name, photo, tmp_path / "painted.ppm")
    painted = read_ppm(tmp_path / "painted.ppm")
    with Stylizer.load("gogh", device="cpu", threads=1) as stylizer:
        np.testing.assert_array_equal(painted, stylizer(image))
    assert not np.array_equal(painted, image)


def test_a_image_and_a_video_by_way_of_opencv(built: CMakeBuild, tmp_path: Path) -> None:
    if not built.has("nst_rt_share_opencv"):
        pytest.skip("no OpenCV for C++: apt-get install libopencv-dev")
    built.build("nst_rt_share_opencv")
    image = landscape(320, 200)
    photo, painted = tmp_path / "photo.png", tmp_path / "painted.png"
    video, painted_video = tmp_path / "video.avi", tmp_path / "painted.mp4"
    cv2.imwrite(str(photo), image)
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 200))
    for shift in range(5):
        writer.write(np.roll(image, shift, 1))
    writer.release()
    name = f"end-to-end-{os.getpid()}"
    with share(name, "--style", "wave"):
        run(built.folder / "nst_rt_share_opencv", name, photo, painted)
        run(built.folder / "nst_rt_share_opencv", name, video, painted_video)
    with Stylizer.load("wave", device="cpu", threads=1) as stylizer:
        np.testing.assert_array_equal(cv2.imread(str(painted)), stylizer(image))
        capture = cv2.VideoCapture(str(painted_video))
        source = cv2.VideoCapture(str(video))
        for _ in range(5):
            there, frame = capture.read()
            assert there
            expected = stylizer(source.read()[1].astype(np.uint8, copy=False))
            assert cv2.PSNR(frame, expected) > 25  # the codec's loss; another style would be at 12
        assert not capture.read()[0]


def test_what_it_costs_is_told(built: CMakeBuild, inverting: Path) -> None:
    name = f"end-to-end-{os.getpid()}"
    with share(name, "--style", str(inverting)):
        told = run(built.folder / "nst_rt_share_latency", name, "64", "48", "20")
    for words in ("64x48, 20 frames", "there and back", "in the server", "on the way"):
        assert words in told


@pytest.mark.parametrize("way", ["find_package", "add_subdirectory"])
def test_images_from_other_peoples_projects(way: str, built: CMakeBuild, tmp_path: Path) -> None:
    mine, prefix = tmp_path / "mine", tmp_path / "installed"
    mine.mkdir()
    (mine / "mine.cpp").write_text(_PROGRAM)
    if way == "find_package":
        built.build("all")
        run("cmake", "--install", built.folder, "--prefix", prefix)
        finding = "find_package(nst_rt_share 0.1 REQUIRED)"
    else:
        finding = f"add_subdirectory({SOURCES} nst_rt)"
    (mine / "CMakeLists.txt").write_text(_PROJECT.format(finding=finding))
    CMakeBuild(mine / "build", f"CMAKE_PREFIX_PATH={prefix}", sources=mine).build("mine")
    image = landscape(160, 90)
    name = f"end-to-end-{os.getpid()}"
    with share(name, "--style", "mondrian"):
        command = [str(mine / "build" / "mine"), name, "160", "90"]
        painted = subprocess.run(command, input=image.tobytes(), stdout=subprocess.PIPE, timeout=120, check=True)
    with Stylizer.load("mondrian", device="cpu", threads=1) as stylizer:
        assert painted.stdout == stylizer(image).tobytes()
