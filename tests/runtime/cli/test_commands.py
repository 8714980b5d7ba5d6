"""The small commands, and how errors end."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from nst_rt.files.folders import models_folder, styles_folder


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", "from nst_rt.cli import main; main()", *map(str, arguments)]


def nst_rt(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, env={**os.environ, **environment})


def test_info_tells_everything_as_json(tinting: Path) -> None:
    told = json.loads(nst_rt("info", tinting, "--json").stdout)
    assert (told["family"], told["style_size"], told["contract"], told["controls"]) == ("test", 3, 1, [])
    assert [tensor["name"] for tensor in told["inputs"]] == ["frame", "style"]
    assert len(told["sha256"]) == 64


def test_info_of_the_built_in_network_points_to_its_history(tinting: Path) -> None:
    assert "docs/built-in-network.md" in json.loads(nst_rt("info", "conditional", "--json").stdout)["history"]
    assert "history" not in json.loads(nst_rt("info", tinting, "--json").stdout)


def test_info_reads_for_people(inverting: Path) -> None:
    output = nst_rt("info", inverting).stdout
    assert "stylized  tensor(uint8)" in output
    assert "invert" in output


def test_tables_are_unbroken_where_no_terminal_is(inverting: Path) -> None:
    far = inverting.with_name("x" * 120 + ".onnx")
    shutil.copy(inverting, far)
    lines = nst_rt("info", far, COLUMNS="40").stdout.splitlines()
    assert any(line.split(maxsplit=1) == ["file", str(far)] for line in lines)
    assert all(line == line.rstrip() for line in lines)
    lines = nst_rt("styles", COLUMNS="40").stdout.splitlines()
    assert any("The Great Wave off Kanagawa" in line and line.startswith("wave ") for line in lines)


def test_a_style_is_told_from_a_model(own_folders: None) -> None:
    own = styles_folder() / "conditional"
    own.mkdir(parents=True)
    (own / "mine.json").write_text(json.dumps({"name": "mine", "vector": [1, 2, 3]}))
    for arguments in (["info", "gogh"], ["styles", "--model", "gogh"], ["info", "mine"]):
        done = nst_rt(*arguments)
        assert done.returncode == 2
        assert f"'{arguments[-1]}'; it is a style of the model conditional" in done.stderr


@pytest.mark.parametrize("option", ["--model", "--style"])
def test_a_file_for_reduced_builds_is_told(option: str, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((64, 96, 3), 90, np.uint8))
    model = tmp_path / "conditional.ort"
    model.write_bytes(b"ORTM")
    done = nst_rt("image", tmp_path / "photo.png", option, model)
    assert done.returncode == 2
    assert "ONNX Runtime's own format" in done.stderr
    assert f"Give the {tmp_path / 'conditional.onnx'}" in done.stderr


@pytest.mark.parametrize(
    "line", [["pipe", "-f", "bgr24", "--size", "64x48"], ["webcam", "--no-window"], ["share", "-n", "styles-test"]]
)
def test_a_command_that_works_in_one_style_refuses_several(line: list[str]) -> None:
    done = nst_rt(*line, "--style", "gogh", "--style=wave")
    assert (done.returncode, done.stdout) == (2, "")
    assert "2 styles (gogh, wave), and this command works in one" in done.stderr


def test_styles_lists_the_built_in_network_and_the_users_models(tmp_path: Path) -> None:
    told = json.loads(nst_rt("styles", "--json").stdout)["styles"]
    names = [style["name"] for style in told]
    assert "gogh" in names
    assert {style["model"] for style in told} == {"conditional"}


def test_demo_makes_a_sheet_of_the_chosen_styles(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    done = nst_rt("demo", "-o", sheet, "--style", "gogh", "--style", "wave", "--size", "96", "--json")
    assert json.loads(done.stdout)["styles"] == ["gogh", "wave"]
    assert cv2.imread(str(sheet)).shape[1] > 2 * 96


def test_demo_with_an_unknown_style_writes_nothing(tmp_path: Path) -> None:
    done = nst_rt("demo", "-o", tmp_path / "sheet.png", "--style", "gog", "--size", "64")
    assert done.returncode == 2
    assert "did you mean 'gogh'" in done.stderr
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such model file"), (b"", "cannot read it as a model"), (b"GIF89a", "cannot read it as a model")],
)
def test_a_bad_model_is_one_line_and_exit_code_2(tmp_path: Path, content: bytes | None, message: str) -> None:
    model = tmp_path / "bad.onnx"
    if content is not None:
        model.write_bytes(content)
    done = nst_rt("info", model)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("nst-rt: error: ")
    assert message in lines[0]


def test_a_traceback_is_for_those_who_ask(tmp_path: Path) -> None:
    for arguments, environment in ((["--debug"], {}), ([], {"NST_RT_DEBUG": "1"})):
        done = nst_rt("info", tmp_path / "bad.onnx", *arguments, **environment)
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "ModelError" in done.stderr


def test_the_built_in_network_stylises_offline_and_by_blend(tmp_path: Path) -> None:
    photo, out = tmp_path / "photo.png", tmp_path / "out.png"
    pixels = np.random.default_rng(3).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    cv2.imwrite(str(photo), pixels)
    for style in ("gogh", "gogh:0.7+wave:0.3"):
        done = nst_rt("image", photo, "--style", style, "-o", out, "--overwrite")
        assert done.returncode == 0, done.stderr
        stylized = cv2.imread(str(out))
        assert stylized.shape == pixels.shape
        assert np.abs(stylized.astype(int) - pixels).mean() > 20


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_for_stdin(inverting: Path, tmp_path: Path, number: int) -> None:
    code = (
        "import sys, nst_rt.media.images.image_reader, nst_rt.cli\n"
        "read = sys.stdin.buffer.read\n"
        "class Stdin:\n"
        "    class buffer:\n"
        "        def read():\n"
        "            print('reading', file=sys.stderr, flush=True)\n"
        "            return read()\n"
        "sys.stdin = Stdin\n"
        "nst_rt.cli.main()"
    )
    out = tmp_path / "out.png"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "image", "-", "--model", str(inverting), "-o", str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stderr
    process.stdin.write("half an image")
    process.stdin.flush()
    assert process.stderr.readline() == "reading\n"
    process.send_signal(number)
    try:
        # The pipe stays open; nothing but the signal can end it.
        assert process.wait(30) == 130
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.communicate()
    assert not out.exists()


def test_demo_replaces_nothing_unasked(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.full((64, 96, 3), 90, np.uint8))
    before = photo.read_bytes()
    arguments = ["demo", photo, "--size", "64", "--style", "gogh"]
    done = nst_rt(*arguments, "-o", photo)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is the input itself" in done.stderr
    done = nst_rt("demo", "-o", photo, "--size", "64")
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert photo.read_bytes() == before
    done = nst_rt(*arguments, "-o", photo, "--overwrite")
    assert done.returncode == 2
    assert photo.read_bytes() == before
    other = tmp_path / "other.png"
    other.write_bytes(before)
    assert nst_rt(*arguments, "-o", other, "--overwrite").returncode == 0
    assert other.read_bytes() != before


def test_demo_calls_the_sheet_after_its_photograph(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((64, 96, 3), 90, np.uint8))
    done = nst_rt("demo", tmp_path / "photo.png", "--size", "64", "--style", "gogh")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["photo.png", "photo.styles.jpg"]
    done = nst_rt("image", tmp_path, "-o", tmp_path / "out", "--style", "wave")
    assert "1 of 1 images written" in done.stderr  # the sheet is no photograph


@pytest.mark.parametrize(
    ("output", "words"),
    [("sheet.xyz", "cannot write .xyz"), ("missing/sheet.png", "there is no folder"), ("folder.png", "a folder")],
)
def test_demo_refuses_a_place_before_any_work(tmp_path: Path, output: str, words: str) -> None:
    (tmp_path / "folder.png").mkdir()
    done = nst_rt("demo", tmp_path / "no photo, never read.png", "-o", tmp_path / output)
    assert done.returncode == 2
    assert words in done.stderr


def test_demo_without_named_styles_says_what_to_do(tinting: Path, tmp_path: Path) -> None:
    done = nst_rt("demo", "--model", tinting, "-o", tmp_path / "sheet.png", "--size", "64")
    assert done.returncode == 2
    assert "without named styles" in done.stderr
    assert not (tmp_path / "sheet.png").exists()


def test_foreign_files_among_the_models_are_told_and_left_out(
    tinting: Path, inverting: Path, tmp_path: Path, own_folders: None
) -> None:
    models = models_folder()
    models.mkdir(parents=True)
    (models / "bad.onnx").write_bytes(b"junk")
    shutil.copy(tinting.with_name("tinting.encoder.onnx"), models / "enc.onnx")
    shutil.copy(inverting, models / "mine.onnx")
    own = styles_folder() / "conditional"
    own.mkdir(parents=True)
    (own / "short.json").write_text(json.dumps({"name": "short", "vector": [1, 2, 3]}))
    for arguments in (["styles", "--json"], ["demo", "-o", tmp_path / "sheet.png", "--size", "64", "--json"]):
        done = nst_rt(*arguments)
        assert done.returncode == 0, done.stderr
        lines = done.stderr.splitlines()
        assert len(lines) == 3
        for words in ("bad.onnx", "enc.onnx", "short"):
            (line,) = [line for line in lines if words in line]
            assert line.startswith("nst-rt: ")
            assert "left out" in line
        told = json.loads(done.stdout)["styles"]
        names = {style["name"] if isinstance(style, dict) else style for style in told}
        assert "gogh" in names
        assert "short" not in names
        assert names & {"mine", "invert"}


@pytest.mark.parametrize(
    ("arguments", "words", "path"),
    [
        (["image", "a.png", "--strength", "abc"], "--strength", "nst-rt image"),
        (["image", "a.png", "--nonsense"], "--nonsense", "nst-rt image"),
        (["image"], "IMAGE", "nst-rt image"),
        (["nonsense"], "nonsense", "nst-rt"),
    ],
)
def test_a_mistyped_line_is_one_line_and_exit_code_2(arguments: list[str], words: str, path: str) -> None:
    done = nst_rt(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("nst-rt: error: ")
    assert words in line
    assert line.endswith(f"Try '{path} --help'")


def test_a_mistyped_command_is_put_right() -> None:
    said = nst_rt("imag").stderr
    assert said == "nst-rt: error: No such command 'imag'. Did you mean 'image'? Try 'nst-rt --help'\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [["styles", "--json"], ["styles"], ["--help"]])
def test_a_full_stdout_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command(*arguments), stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("nst-rt: error: ")
    assert "No space left" in line


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
@pytest.mark.parametrize("arguments", [["styles", "--json"], ["styles"], ["--help"]])
def test_a_reader_that_went_away_ends_it_quietly(arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(command(*arguments), stdout=write, stderr=subprocess.PIPE, text=True)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def in_process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process that `code` has prepared."""
    lines = f"import logging, nst_rt.cli\nlog = logging.getLogger('nst_rt')\n{code}\nnst_rt.cli.main()"
    return subprocess.run([sys.executable, "-c", lines, *arguments], capture_output=True, text=True)


def test_a_broken_package_takes_no_other_command_along() -> None:
    code = """
class Broken:
    installed = True
    def load(self):
        raise ImportError("no module named torch,\\nnowhere")
nst_rt.jobs.extras.COMMANDS["broken"] = Broken()
"""
    done = in_process(code, "styles", "--json")
    assert (done.returncode, done.stderr) == (0, "")  # nobody asked for it
    assert json.loads(done.stdout)["styles"]
    said = "nst-rt: the command broken cannot be loaded (ImportError: no module named torch, nowhere)"
    done = in_process(code, "--help")
    assert (done.returncode, "image" in done.stdout) == (0, True)
    (line,) = done.stderr.splitlines()
    assert line.startswith(said)
    done = in_process(code, "broken")
    first, second = done.stderr.splitlines()
    assert first.startswith(said)
    assert second.startswith("nst-rt: error: No such command 'broken'")
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ([], ["nst-rt: the engine takes a minute"]),
        (["--debug"], ["nst-rt: opened", "nst-rt: the engine takes a minute"]),
    ],
)
def test_what_the_library_logs_is_lines_on_stderr(arguments: list[str], lines: list[str]) -> None:
    code = """
import nst_rt.models.catalog
real = nst_rt.models.catalog.list_models
def list_models():
    log.info("opened")
    log.warning("the engine\\n takes a %s", "minute")
    return real()
nst_rt.models.catalog.list_models = list_models
"""
    done = in_process(code, "styles", "--json", *arguments)
    assert done.returncode == 0
    assert done.stderr.splitlines() == lines
    assert json.loads(done.stdout)["styles"]


@pytest.mark.parametrize("name", ["video", "demo", "add-style"])
def test_help_names_no_function_as_a_type(name: str) -> None:
    shown = nst_rt(name, "--help", COLUMNS="120").stdout
    assert "<path>" in shown
    assert "local_path" not in shown
