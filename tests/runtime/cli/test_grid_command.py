"""`nst-rt grid`, with tiny networks whose images can be predicted, and an optimiser that needs no PyTorch."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from nst_rt import Stylizer
from nst_rt.errors import InputError
from nst_rt.jobs.extras import PROVIDERS, LazyImport
from tiny_models import inverting_model, mean_color_encoder, name_styles, tinting_model

BLUE, RED = [150, 50, 50], [50, 50, 150]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """a.png and b.png, of grey 100 and 200; net.onnx with two named styles and an encoder; painting.png."""
    monkeypatch.chdir(tmp_path)
    tinting_model(Path("net.onnx"))
    mean_color_encoder(Path("net.encoder.onnx"))
    name_styles(Path("net.onnx"))
    inverting_model(Path("negative.onnx"))
    for name, level in (("a", 100), ("b", 200)):
        cv2.imwrite(f"{name}.png", np.full((48, 64, 3), level, np.uint8))
    cv2.imwrite("painting.png", np.full((40, 50, 3), (20, 40, 60), np.uint8))


@pytest.fixture
def run(command_line: Any) -> Any:
    def call(line: str) -> Any:
        return command_line("grid", *line.split(), "--threads", "1")

    return call


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The style of every image that a network makes."""
    made: list[str] = []
    call = Stylizer.__call__

    def counting(self: Stylizer, *arguments: Any) -> Any:
        made.append(self.style)
        return call(self, *arguments)

    monkeypatch.setattr(Stylizer, "__call__", counting)
    return made


def color(path: str) -> list[int]:
    image = cv2.imread(path)
    assert image is not None, path
    return [int(value) for value in image[5, 5]]


def test_photographs_by_styles(run: Any, calls: list[str]) -> None:
    code, out, told = run("--content a.png b.png --style red blue painting.png -m net.onnx -o sheet.png --side 64")
    assert (code, out) == (0, "")
    assert "sheet.png: 6 made; in sheet" in told
    assert calls == ["red", "red", "blue", "blue", "painting.png", "painting.png"]  # each style is set up once
    assert (color("sheet/a.red.png"), color("sheet/a.blue.png")) == (RED, BLUE)
    assert color("sheet/b.painting.png") == [110, 120, 130]
    sheet = cv2.imread("sheet.png")
    # Three rows, the paintings' with one painting, and four columns of 64 px with gaps of 10.
    assert sheet.shape[1] == 4 * 74 + 10
    height = (sheet.shape[0] - 10) // 3
    place = [[sheet[20 + row * height, 20 + column * 74].tolist() for column in range(4)] for row in range(3)]
    paper = [250, 250, 250]
    assert place[0] == [paper, paper, paper, [20, 40, 60]]
    assert place[1] == [[100] * 3, RED, BLUE, [60, 70, 80]]
    assert place[2] == [[200] * 3, [100, 100, 200], [200, 100, 100], [110, 120, 130]]


def test_the_same_line_makes_only_what_is_missing_or_changed(run: Any, calls: list[str]) -> None:
    line = "-c a.png b.png -s red blue -m net.onnx -o sheet.png"
    run(line)
    calls.clear()
    assert "4 kept" in run(line)[2]
    assert calls == []
    Path("sheet/a.red.png").unlink()
    Path("sheet/b.red.png").write_bytes(b"broken")
    assert "2 made, 2 kept" in run(line)[2]
    assert color("sheet/b.red.png") == [100, 100, 200]
    cv2.imwrite("a.png", np.full((48, 64, 3), 60, np.uint8))
    assert "2 made, 2 kept" in run(line)[2]
    assert color("sheet/a.red.png") == [30, 30, 130]
    name_styles(Path("net.onnx"), blue=[90, 0, 0], red=[0, 0, 100])
    assert "2 made, 2 kept" in run(line)[2]
    assert color("sheet/a.blue.png") == [120, 30, 30]
    assert "6 made" not in run(f"{line} --size 32")[2]
    assert cv2.imread("sheet/a.red.png").shape == (24, 32, 3)
    assert "4 made" in run(f"{line} --overwrite")[2]


def test_a_sheet_that_a_glob_finds_is_no_photograph(run: Any) -> None:
    line = "-c *.png -s red -m net.onnx -o sheet.png"
    assert "3 made" in run(line)[2]  # a, b and the painting
    assert "sheet.png: 3 kept;" in run(line)[2]


def test_a_photograph_of_the_sheets_name_is_not_replaced(run: Any) -> None:
    run("-c b.png -s red -m net.onnx -o a.jpg")
    photograph = Path("a.png").read_bytes()
    code, _, told = run("-c a.png -s red -m net.onnx -o a.png")
    assert (code, Path("a.png").read_bytes()) == (2, photograph)
    assert "is the input itself" in told
    assert run("-c b.png -s red -m net.onnx -o a.png")[0] == 2
    assert Path("a.png").read_bytes() == photograph


def test_a_blend_with_a_painting_has_no_head(run: Any) -> None:
    assert run("-c a.png -s red:0.5+painting.png -m net.onnx -o blend.png --side 64")[0] == 0
    assert run("-c a.png -s red -m net.onnx -o named.png --side 64")[0] == 0
    assert cv2.imread("blend.png").shape == cv2.imread("named.png").shape


def test_a_changed_painting_is_read_again(run: Any) -> None:
    line = "-c a.png -s painting.png -m net.onnx -o sheet.png"
    run(line)
    cv2.imwrite("painting.png", np.full((40, 50, 3), 80, np.uint8))
    assert "1 made" in run(line)[2]
    assert color("sheet/a.painting.png") == [90, 90, 90]


def test_the_first_style_is_made_again_when_its_vector_has_changed(run: Any) -> None:
    line = "-c a.png -m net.onnx -o sheet.png"
    run(line)
    name_styles(Path("net.onnx"), green=[0, 100, 0])
    assert "1 made" in run(line)[2]
    assert color("sheet/a.png") == [50, 150, 50]


def test_one_pair_over_a_parameter(run: Any) -> None:
    code, out, _ = run("-c a.png -m negative.onnx --sweep strength=0,0.5,1 -o sheet.jpg --json")
    assert code == 0
    told = json.loads(out)
    assert (told["rows"], told["columns"], told["folder"]) == (1, 3, "sheet")
    files = [image["file"] for image in told["images"]]
    assert files == ["a.strength-0.png", "a.strength-0.5.png", "a.strength-1.png"]
    assert [color(f"sheet/{file}") for file in files] == [[100] * 3, [128] * 3, [155] * 3]
    record = json.loads(Path("sheet/grid.json").read_text())["images"]["a.strength-0.5.png"]
    assert (record["content"], record["settings"]) == ("a.png", {"size": 720, "strength": 0.5})


def test_models_side_by_side_and_a_model_as_a_style(run: Any) -> None:
    assert run("-c a.png -m negative.onnx net.onnx -o sheet.png")[0] == 0
    assert (color("sheet/a.negative.png"), color("sheet/a.net.png")) == ([155] * 3, BLUE)
    assert run("-c a.png -s negative.onnx -o other.png")[0] == 0
    assert color("other/a.negative.png") == [155] * 3


def test_matched_colours_are_those_of_each_photograph(run: Any) -> None:
    line = "-c a.png b.png -s painting.png -m net.onnx --sweep match-colors=cholesky,none -o sheet.png"
    assert run(line)[0] == 0
    matched = [color(f"sheet/{name}.painting.match-colors-cholesky.png") for name in "ab"]
    assert matched == [[100] * 3, [200] * 3]
    assert color("sheet/b.painting.match-colors-none.png") == [110, 120, 130]
    code, _, told = run("-c a.png -s red painting.png -m net.onnx --match-colors analogies -o other.png")
    assert code == 1
    assert "'red' is a stored style" in told


def test_what_fails_stops_nothing_else(run: Any) -> None:
    Path("broken.png").write_bytes(b"no image")
    code, out, told = run("-c broken.png a.png -s red missing gone.jpg -m net.onnx -o sheet.png --json")
    assert code == 1
    assert "sheet.png: 1 made, 5 failed" in told
    assert told.count("error: ") == 3  # each trouble once
    states = {image["file"]: image["error"] for image in json.loads(out)["images"]}
    assert states["a.red.png"] is None
    assert "no style named 'missing'" in states["a.missing.png"]
    assert "gone.jpg" in states["a.gone.jpg.png"]
    assert "broken.png" in states["broken.red.png"]
    assert cv2.imread("sheet.png") is not None
    assert "2 failed" in run("-c a.png -s missing gone -m net.onnx -o all.png")[2]
    assert run("-c a.png -s missing gone -m net.onnx -o all.png")[0] == 2


def test_ctrl_c_keeps_what_there_is_and_the_next_run_goes_on(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    call, line = Stylizer.__call__, "-c a.png b.png -s blue red -m net.onnx -o sheet.png --side 64"

    def interrupted(self: Stylizer, *arguments: Any) -> Any:
        if self.style == "red":  # the second
            os.kill(os.getpid(), signal.SIGINT)
        return call(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Stylizer, "__call__", interrupted)
        code, _, told = run(line)
    assert code == 130
    assert "2 made, 2 not made" in told
    sheet = cv2.imread("sheet.png")
    assert sheet[20, 20 + 74].tolist() == BLUE
    assert sheet[20, 20 + 2 * 74 + 40].tolist() == [222, 222, 222]
    assert "2 made, 2 kept" in run(line)[2]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-c a.png -o sheet.txt", "cannot write .txt"),
        ("-c a.png -o none/sheet.png", "there is no folder"),
        ("-c a.png -o b.png", "b.png: exists already"),
        ("-c a.png -o full.png", "full: holds other things than a grid"),
        ("-c a.png -o sheet.png --sweep strength=0.2,,1", "strength=0.2,,1\n               ^"),
        ("-c a.png -o sheet.png --sweep strength=1 --sweep strength=0", "strength is swept twice"),
        ("-c a.png -o sheet.png --sweep strength=1 --strength 0.5", "Give one of the two (option --strength)"),
        ("-c a.png -o sheet.png --steps 5", "steps is not for the method network. Leave it out (option --steps)"),
        ("-c a.png -o sheet.png --weights vgg19", "a loss network is for the method optimize"),
        ("-c a.png -o sheet.png --color 2", "color 2 is out of range"),
        ("-c a.png -o sheet.png --match-colors x", "none, cholesky, analogies"),
        ("-c a.png -o sheet.png --method optimize", "needs paintings as styles"),
        ("-c a.png -s painting.png -m net.onnx -o sheet.png --method optimize", "has no model"),
        ("-c a.png -s painting.png --strength 0.5 -o sheet.png --method optimize", "not for the method optimize"),
        ("-c - -o sheet.png", "stdin"),
        ("-c nothing*.png -o sheet.png", "matches no file"),
        ("-o sheet.png", "Missing option '--content'"),
    ],
)
def test_what_is_refused_at_once(run: Any, line: str, message: str) -> None:
    Path("full").mkdir()
    Path("full/mine.txt").write_text("")
    code, out, told = run(line)
    assert (code, out) == (2, "")
    assert message in told
    assert not Path("sheet.png").exists()
    assert not Path("sheet").exists()


def test_another_files_place_is_taken_with_overwrite_only(run: Any) -> None:
    Path("full").mkdir()
    Path("full/mine.txt").write_text("")
    cv2.imwrite("full.png", np.zeros((20, 20, 3), np.uint8))
    assert run("-c a.png -s red -m net.onnx -o full.png --overwrite")[0] == 0
    assert Path("full/mine.txt").exists()
    assert cv2.imread("full.png").shape[0] > 20


def test_a_damaged_record_is_begun_again(run: Any) -> None:
    run("-c a.png -s red -m net.onnx -o sheet.png")
    Path("sheet/grid.json").write_text("{")
    code, _, told = run("-c a.png -s red -m net.onnx -o sheet.png")
    assert (code, "exists already" in told) == (2, True)  # nothing says that the sheet is a grid's
    Path("sheet.png").unlink()
    code, _, told = run("-c a.png -s red -m net.onnx -o sheet.png")
    assert code == 0
    assert "grid.json cannot be read" in told
    assert "1 made" in told


class Repainting:
    """Paints a photograph in `ratio`; layers other than relu3_1 are not there."""

    inputs: Mapping[str, Any] = {"loss_network": "none"}

    def __init__(self, **options: Any) -> None:
        assert options == {"weights": "vgg.npz", "device": "auto", "precision": "auto", "threads": 1}

    def __call__(
        self, photograph: np.ndarray, paintings: Sequence[tuple[Path, float]], settings: Mapping[str, Any]
    ) -> np.ndarray:
        assert paintings == [(Path("painting.png"), 1.0)]
        assert settings["steps"] == 7
        if settings.get("content-layer", "relu3_1") != "relu3_1":
            raise InputError("no such layer")
        return np.full_like(photograph, settings.get("ratio", 5))


def test_an_optimiser_that_another_package_brings(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS, "optimizer", LazyImport(__name__, "Repainting", "export"))
    line = "-c a.png -s painting.png --method optimize --steps 7 --weights vgg.npz -o sheet.png"
    code, _, told = run(f"{line} --sweep ratio=10,1e2")
    assert code == 0
    assert "sheet/a.painting.ratio-1e2.png: " in told
    assert [color(f"sheet/a.painting.ratio-{ratio}.png") for ratio in ("10", "1e2")] == [[10] * 3, [100] * 3]
    code, _, told = run(f"{line} --sweep content-layer=relu3_1,relu9_1")
    assert code == 1
    assert "no such layer" in told
    assert color("sheet/a.painting.content-layer-relu3_1.png") == [5] * 3
    assert "'gogh' is none" in run(line.replace("-s painting.png", "-s painting.png gogh"))[2]


def test_without_the_exporter_the_install_line_is_told(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS, "optimizer", LazyImport("no_such_package.module", "Optimizer", "export"))
    code, _, told = run("-c a.png -s painting.png --method optimize -o sheet.png")
    assert code == 2
    assert 'pip install -c constraints.txt ".[export]"' in told


def test_a_grid_of_networks_imports_no_torch() -> None:
    code = """
import sys
sys.argv = "nst-rt grid -c a.png -s red -m net.onnx -o sheet.png --threads 1".split()
import nst_rt.cli
try:
    nst_rt.cli.main()
except SystemExit as stop:
    assert not stop.code
print(sorted(m for m in sys.modules if m.split(".")[0] in ("torch", "onnx", "nst_export", "nst_bench")))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
