"""The small commands, and how errors end."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest


def nst_rt(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    command = [sys.executable, "-c", "from nst_rt.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def test_info_tells_everything_as_json(tinting: Path) -> None:
    told = json.loads(nst_rt("info", tinting, "--json").stdout)
    assert (told["family"], told["style_size"], told["contract"], told["controls"]) == ("test", 3, 1, [])
    assert [tensor["name"] for tensor in told["inputs"]] == ["frame", "style"]
    assert len(told["sha256"]) == 64


def test_info_reads_for_people(inverting: Path) -> None:
    output = nst_rt("info", inverting).stdout
    assert "stylized  tensor(uint8)" in output
    assert "invert" in output


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
