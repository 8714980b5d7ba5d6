"""Masks in `nst-rt image`, with tiny networks whose results can be predicted."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import nst_rt.cli
import nst_rt.engine.cpu_cores
import nst_rt.engine.session_cache
import nst_rt.engine.session_pool
import numpy as np
import pytest
from nst_rt import Stylizer
from nst_rt.engine.session import Session
from tiny_models import inverting_model, mean_color_encoder, tinting_model

STYLES = {"blue": [100, 0, 0], "green": [0, 60, 0], "red": [0, 0, 80]}
BLUE, GREEN, RED, PHOTO = [150, 50, 50], [50, 110, 50], [50, 50, 130], [100, 100, 100]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tinting_model(Path("net.onnx"), rows="styles")
    entries = [{"name": name, "vector": vector} for name, vector in STYLES.items()]
    Path("net.styles.json").write_text(json.dumps({"styles": entries}))
    cv2.imwrite("photo.png", np.full((48, 90, 3), 100, np.uint8))
    three = np.zeros((48, 90, 3), np.uint8)
    three[:, 30:60], three[:, 60:] = (0, 0, 255), (128, 128, 128)
    cv2.imwrite("labels.png", three)
    cv2.imwrite("mask.png", np.repeat([0, 255], 45).astype(np.uint8)[None].repeat(48, axis=0))


@pytest.fixture
def run(command_line: Any) -> Any:
    def call(*arguments: str) -> Any:
        return command_line("image", "photo.png", *arguments, "--threads", "1")

    return call


def thirds(path: str) -> list[list[int]]:
    image = cv2.imread(path)
    assert image is not None
    return [image[24, column].tolist() for column in (10, 45, 80)]


def ends(path: str) -> list[list[int]]:
    return thirds(path)[::2]


@pytest.mark.parametrize(
    ("options", "name", "wanted"),
    [
        ("", "blue-none", [PHOTO, BLUE]),
        ("-s red", "red-none", [PHOTO, RED]),
        ("-s red --outside none", "red-none", [PHOTO, RED]),
        ("-s red --outside blue:0.5+green:0.5", "red-blue-0.5+green-0.5", [[100, 80, 50], RED]),
        ("-s none --outside green", "none-green", [GREEN, PHOTO]),
    ],
)
def test_inside_and_outside(run: Any, options: str, name: str, wanted: list[list[int]]) -> None:
    code, _, err = run("-m", "net.onnx", "--mask", "mask.png", *options.split())
    assert code == 0, err
    assert ends(f"photo.{name}.png") == wanted


def test_every_style_that_was_given(run: Any) -> None:
    inverting_model(Path("negative.onnx"))
    line = ["-s", "red", "-s", "blue", "-s", "red"]
    code, out, err = run("-m", "net.onnx", *line, "--json")
    assert code == 0, err
    assert [line.split(":")[0] for line in err.splitlines()] == ["photo.red.png", "photo.blue.png"]
    assert (ends("photo.red.png"), ends("photo.blue.png")) == ([RED, RED], [BLUE, BLUE])
    told = json.loads(out)
    assert [one["output"] for one in told["images"]] == ["photo.red.png", "photo.blue.png"]
    assert [one["style"] for one in told["stylizers"]] == ["red", "blue"]
    code, _, err = run("-m", "net.onnx", "-s", "green", "-s", "red")
    assert (code, Path("photo.green.png").exists()) == (2 - 1, True)
    assert "photo.red.png: exists already" in err
    # A folder of results; folder and images may be the same, and the same line leaves its own results out.
    for _ in range(2):
        code, _, err = run("-m", "net.onnx", *line, "-o", "out", "--mask", "mask.png", "--overwrite")
        assert code == 0, err
    assert ends("out/photo.blue-none.png") == [PHOTO, BLUE]
    assert ends("out/photo.red-none.png") == [PHOTO, RED]
    # Styles of several networks.
    code, _, err = run("-s", "negative.onnx", "-s", "gogh", "-o", "nets")
    assert code == 0, err
    assert ends("nets/photo.negative.png") == [[155] * 3] * 2
    assert Path("nets/photo.gogh.png").exists()


def test_one_style_of_several_that_is_unknown_is_told_before_the_work(run: Any) -> None:
    code, _, err = run("-m", "net.onnx", "-s", "red", "-s", "gren")
    assert (code, "no style named 'gren' (did you mean 'green'?)" in err) == (2, True)
    assert not Path("photo.red.png").exists()


def test_paintings_of_one_name_get_a_file_each(run: Any) -> None:
    mean_color_encoder(Path("net.encoder.onnx"))
    for name, color in (("x", (200, 0, 0)), ("y", (0, 0, 200))):
        Path(name).mkdir()
        cv2.imwrite(f"{name}/sky.png", np.full((32, 32, 3), color, np.uint8))
    code, _, err = run("-m", "net.onnx", "-s", "x/sky.png", "-s", "y/sky.png")
    assert code == 0, err
    first, second = ends("photo.sky.png")[0], ends("photo.sky-2.png")[0]
    assert first[0] - first[2] == second[2] - second[0] > 30
    # The number is the style's, not the setting's behind it.
    assert run("-m", "net.onnx", "-s", "x/sky.png", "-s", "y/sky.png", "--size", "50")[0] == 0
    assert sorted(path.name for path in Path().glob("photo.sky*size*")) == [
        "photo.sky-2.size-50.png",
        "photo.sky.size-50.png",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-s", "gogh", "-s", "negative.onnx", "--outside", "wave"], "has one style baked in"),
        (["-m", "net.onnx", "-s", "red", "-s", "blue", "--outside", "gren"], "did you mean 'green'"),
    ],
)
def test_a_style_beside_a_mask_that_does_not_fit_is_told_before_the_work(
    run: Any, options: list[str], message: str
) -> None:
    inverting_model(Path("negative.onnx"))
    code, _, err = run(*options, "--mask", "mask.png")
    assert (code, message in err) == (2, True)
    assert list(Path().glob("photo.*.png")) == []


def test_the_network_outside_is_opened_once_for_all_styles(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inverting_model(Path("negative.onnx"))
    loaded: list[tuple[str | None, str]] = []
    load = Stylizer.load

    def told(style: str | None, *, model: str, **options: Any) -> Stylizer:
        loaded.append((style, str(model)))
        return load(style, model=model, **options)

    monkeypatch.setattr(Stylizer, "load", told)
    styles = ["-s", "red", "-s", "blue", "-s", "green"]
    code, _, err = run("-m", "net.onnx", *styles, "--outside", "negative.onnx", "--mask", "mask.png")
    assert code == 0, err
    assert loaded == [("red", "net.onnx"), (None, "negative.onnx")]
    for name, color in (("red", RED), ("blue", BLUE), ("green", GREEN)):
        assert ends(f"photo.{name}-negative.png") == [[155] * 3, color]


def test_images_of_many_sizes_open_a_session_for_each_and_share_the_room(
    command_line: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inverting_model(Path("negative.onnx"))
    Path("in").mkdir()
    sides = [21 + at * 4 if at % 3 else 60 + at * 4 for at in range(20)]
    for side in sides:
        cv2.imwrite(f"in/{side}.png", np.full((side, side, 3), side, np.uint8))
    monkeypatch.setattr(nst_rt.engine.session_pool, "PIXELS", 100 * 100)
    opened: list[int] = []
    lock = threading.Lock()
    at_work: list[int] = []
    together: list[list[int]] = []

    class Told(Session):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            if self.shape is not None:
                opened.append(self.shape.height)

        def run(self, feeds: Any, *arguments: Any) -> Any:
            side = feeds["frame"].shape[1]
            with lock:
                at_work.append(side)
                together.append(at_work.copy())
            time.sleep(0.01)
            try:
                return super().run(feeds, *arguments)
            finally:
                with lock:
                    at_work.remove(side)

    monkeypatch.setattr(nst_rt.engine.session_cache, "Session", Told)
    monkeypatch.setattr(nst_rt.engine.cpu_cores, "physical_cores", lambda: 4)
    told = command_line("image", "in", "-o", "out", "-s", "negative.onnx", "-d", "cpu", "--threads", "4")
    assert told.code == 0, told.err
    assert sorted(opened) == sorted(sides)
    for side in sides:
        made = cv2.imread(f"out/{side}.png")
        assert made is not None
        assert (made == 255 - side).all()
    # Together no more pixels than there is room for, a larger one alone.
    assert max(map(len, together)) > 1
    assert all(len(them) == 1 or sum(side * side for side in them) <= 100 * 100 for them in together)
    assert any(side > 100 for them in together for side in them)


def test_regions_by_colour_and_level(run: Any) -> None:
    line = ["-m", "net.onnx", "--mask", "labels.png", "--regions"]
    code, out, err = run(*line, "128=red, #ff0000=none, black=green", "-o", "a.png", "--json")
    assert code == 0, err
    assert thirds("a.png") == [GREEN, PHOTO, RED]
    told = json.loads(out)["stylizer"]
    assert (told["mask"], told["region_styles"]) == ("labels.png", ["red", None, "green"])
    assert run(*line, "red=blue, other=red", "-o", "b.png")[0] == 0
    assert thirds("b.png") == [RED, BLUE, RED]


def test_a_soft_edge_has_the_width_that_was_asked_for(run: Any) -> None:
    assert run("-m", "net.onnx", "--mask", "mask.png", "--feather", "20", "-o", "soft.png")[0] == 0
    assert run("-m", "net.onnx", "--mask", "mask.png", "--feather", "0", "-o", "hard.png")[0] == 0
    soft, hard = (np.asarray(cv2.imread(path))[24, :, 0].astype(int) for path in ("soft.png", "hard.png"))
    assert set(hard.tolist()) == {100, 150}
    between = np.flatnonzero((soft > 100) & (soft < 150))
    assert 14 <= len(between) <= 20
    assert abs(between[0] + between[-1] - 89) <= 1


def test_models_of_one_style_are_mixed(run: Any) -> None:
    inverting_model(Path("negative.onnx"))
    regions = "0=negative.onnx, red=none, 128=negative.onnx"
    code, _, err = run("--mask", "labels.png", "--regions", regions, "-o", "a.png")
    assert code == 0, err
    assert thirds("a.png") == [[155] * 3, PHOTO, [155] * 3]
    code, _, err = run(
        "-m", "net.onnx", "-s", "blue", "--outside", "negative.onnx", "--mask", "mask.png", "-o", "b.png"
    )
    assert code == 0, err
    assert ends("b.png") == [[155] * 3, BLUE]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--outside", "red"], "outside is about a mask, and there is none. Give a mask too (option --outside)"),
        (["--regions", "0=red"], "regions is about a mask"),
        (["--feather", "3"], "feather is about a mask"),
        (["--mask", "mask.png", "--regions", "0=red", "-s", "blue"], "Leave the style blue out"),
        (["--mask", "mask.png", "--regions", "0=red", "--outside", "blue"], "Leave outside out"),
        (["--mask", "mask.png", "-s", "none"], "every region is the image as it is"),
        (["--mask", "mask.png", "--regions", "0=none, 255=none"], "every region is the image as it is"),
        (["--mask", "mask.png", "--regions", "0=red, 255=gren"], "did you mean 'green'"),
        (
            ["--mask", "labels.png", "-s", "red"],
            "has 3 labels (0 (33.3%), 128 (33.3%), #ff0000 (33.3%)) for two styles",
        ),
        (["--mask", "labels.png", "--regions", "0=red, 128=blue"], "has labels that no region names: #ff0000 (33.3%)"),
        (["--mask", "net.onnx", "-s", "red"], "net.onnx: not an image of a known format"),
        (["--mask", "gone.png", "-s", "red"], "gone.png: no such file"),
    ],
)
def test_what_does_not_go_together_is_refused(run: Any, options: list[str], message: str) -> None:
    code, _, err = run("-m", "net.onnx", *options, "-o", "a.png")
    assert code == 2
    assert message in err
    assert not Path("a.png").exists()


def test_a_malformed_list_of_regions_is_shown(run: Any) -> None:
    code, _, err = run("-m", "net.onnx", "--mask", "mask.png", "--regions", "0=red, 300=blue")
    assert code == 2
    assert err.endswith("\n  0=red, 300=blue\n         ^\n")
