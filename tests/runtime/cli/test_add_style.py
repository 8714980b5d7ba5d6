"""The user's own styles: `nst-rt add-style`, `remove-style`, and where they show."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from nst_rt import Stylizer
from nst_rt.cli import app
from nst_rt.errors import InputError, ModelError, NstError, OutputError, StyleError
from nst_rt.files.folders import models_folder, styles_folder
from nst_rt.jobs.extras import PROVIDERS
from nst_rt.jobs.tuning import Tuned, TuningOptions
from nst_rt.models.catalog import ModelFiles
from nst_rt.styles.library import load_styles
from nst_rt.styles.styles_file import Style, read_styles, styles_text
from typer.testing import CliRunner, Result

FRAME = np.full((20, 24, 3), 100, np.uint8)


def nst_rt(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    path = tmp_path / "my painting.png"
    cv2.imwrite(str(path), np.full((40, 50, 3), (20, 40, 60), np.uint8))
    return path


@pytest.fixture
def named(tinting: Path) -> Path:
    """The tinting model with two named styles of its own."""
    styles = [Style("dark", np.float32([0, 0, 0])), Style("gold", np.float32([10, 80, 90]), artist="A")]
    tinting.with_name("tinting.styles.json").write_text(styles_text(styles, "0" * 64))
    return tinting


def test_a_painting_becomes_a_style(named: Path, painting: Path, tmp_path: Path) -> None:
    done = nst_rt(
        "add-style", painting, "--name", "mine", "--model", named, "--title", "T", "--artist", "A", "--year", "1901",
        "--license", "CC0",
    )  # fmt: skip
    assert (done.exit_code, done.stdout) == (0, "")
    assert "added mine to the styles of tinting" in done.stderr
    path = styles_folder() / "tinting" / "mine.json"
    (style,) = read_styles(path)
    assert style.vector.tolist() == [10, 20, 30]
    assert (style.title, style.artist, style.year, style.license) == ("T", "A", "1901", "CC0")
    assert style.training == "read off the painting by the style encoder"
    assert style.painting == str(painting)
    assert len(style.date) == 10
    assert style.source_sha256 == "0" * 64
    stylizer = Stylizer.load("mine", model=named)
    assert stylizer(FRAME)[0, 0].tolist() == [60, 70, 80]
    stylizer.style = "mine:0.5+gold:0.5"
    assert stylizer(FRAME)[0, 0].tolist() == [60, 100, 110]
    told = json.loads(nst_rt("styles", "--model", named, "--json").stdout)["styles"]
    assert [(row["name"], row["kind"]) for row in told] == [("dark", "vector"), ("gold", "vector"), ("mine", "yours")]
    assert "(yours)" in nst_rt("styles", "--model", named).stdout
    out = tmp_path / "out.png"
    nst_rt("image", painting, "--model", named, "--style", "mine", "-o", out)
    assert cv2.imread(str(out))[0, 0].tolist() == [20, 40, 60]


def test_json_tells_the_file(tinting: Path, painting: Path) -> None:
    told = json.loads(nst_rt("add-style", painting, "--name", "mine", "--model", tinting, "--json").stdout)
    assert (told["style"], told["model"], told["closed"]) == ("mine", "tinting", {})
    assert Path(told["file"]).is_file()


@pytest.mark.parametrize("name", ["a+b", "a:1", "a/b", "", "-x", "x.jpg", "x.onnx", "a b", "x" * 61])
def test_names_that_could_not_be_asked_for(tinting: Path, painting: Path, name: str) -> None:
    with pytest.raises(StyleError, match="cannot be the name of a style"):
        nst_rt("add-style", painting, f"--name={name}", "--model", tinting)


def test_the_word_for_the_photograph_is_no_name(tinting: Path, painting: Path) -> None:
    with pytest.raises(StyleError, match="stands for the unchanged image"):
        nst_rt("add-style", painting, "--name", "None", "--model", tinting)


def test_taken_names(named: Path, inverting: Path, painting: Path) -> None:
    def add(name: str, *more: str) -> None:
        nst_rt("add-style", painting, "--name", name, "--model", named, *more)

    with pytest.raises(StyleError, match=r"'gold' is a style of tinting itself.*overwrite"):
        add("gold")
    add("mine")
    with pytest.raises(StyleError, match=r"user style 'mine' already.*overwrite"):
        add("mine")
    cv2.imwrite(str(painting), np.full((40, 50, 3), 80, np.uint8))
    add("mine", "--overwrite")
    assert load_styles(ModelFiles(named))["mine"].vector.tolist() == [40, 40, 40]
    models_folder().mkdir(parents=True)
    inverting.rename(models_folder() / "negative.onnx")
    with pytest.raises(StyleError, match="'negative' is the name of a model"):
        add("negative")


def test_a_style_of_the_models_own_can_be_hidden_and_comes_back(named: Path, painting: Path) -> None:
    nst_rt("add-style", painting, "--name", "gold", "--model", named, "--overwrite")
    assert load_styles(ModelFiles(named))["gold"].vector.tolist() == [10, 20, 30]
    done = nst_rt("remove-style", "gold", "--model", named)
    assert "is the one that came with tinting again" in done.stderr
    assert load_styles(ModelFiles(named))["gold"].vector.tolist() == [10, 80, 90]
    with pytest.raises(StyleError, match="tinting has no user style 'gold'"):
        nst_rt("remove-style", "gold", "--model", named)


def test_removing_from_a_file_of_several(named: Path, painting: Path) -> None:
    pack = styles_folder() / "tinting" / "pack.json"
    pack.parent.mkdir(parents=True)
    pack.write_text(styles_text([Style(name, np.float32([1, 2, 3])) for name in ("mine", "yours")], ""))
    nst_rt("add-style", painting, "--name", "mine", "--model", named, "--overwrite")
    assert [style.name for style in read_styles(pack)] == ["yours"]
    assert load_styles(ModelFiles(named))["mine"].vector.tolist() == [10, 20, 30]
    with pytest.raises(StyleError, match=r"did you mean 'yours'.*User styles are mine, yours"):
        nst_rt("remove-style", "your", "--model", named)
    nst_rt("remove-style", "yours", "--model", named)
    assert not pack.exists()


def test_a_style_for_another_network_is_left_out_and_says_how_to_mend_it(
    named: Path, painting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nst_rt("add-style", painting, "--name", "mine", "--model", named)
    path = styles_folder() / "tinting" / "mine.json"
    path.write_text(path.read_text().replace("0" * 64, "1" * 64))
    assert Stylizer.load(model=named).styles == ["dark", "gold"]
    assert "style 'mine' of tinting belongs to another network, left out" in caplog.text
    assert f"Add it again from {painting}" in caplog.text


def test_what_cannot_be_added(named: Path, inverting: Path, painting: Path, tmp_path: Path) -> None:
    def refused(error: type[NstError], match: str, *arguments: object) -> None:
        with pytest.raises(error, match=match):
            nst_rt("add-style", *arguments)
        assert not list(styles_folder().rglob("*.json"))

    refused(InputError, "no such file", tmp_path / "none.png", "--name", "mine", "--model", named)
    refused(StyleError, "has one style baked in", painting, "--name", "mine", "--model", inverting)
    encoder = named.with_name("tinting.encoder.onnx")
    refused(StyleError, "is a style encoder", painting, "--name", "mine", "--model", encoder)
    refused(InputError, "Add --tune", painting, "--name", "mine", "--model", named, "--photographs", tmp_path)
    encoder.rename(tmp_path / "away.onnx")
    refused(StyleError, r"tinting\.onnx has no style encoder.*Tune the style", painting, "--name", "mine", "-m", named)
    encoder.write_bytes(inverting.read_bytes())
    refused(ModelError, "exported from another checkpoint", painting, "--name", "mine", "-m", named)


def test_a_folder_that_cannot_be_made(tinting: Path, painting: Path) -> None:
    styles_folder().parent.mkdir(parents=True)
    styles_folder().write_text("in the way")
    with pytest.raises(OutputError, match=r"mine\.json"):
        nst_rt("add-style", painting, "--name", "mine", "--model", tinting)


@pytest.fixture
def tuner(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Have tuning be a function that notes what it is asked for."""

    def install(*, finished: bool = True) -> dict[str, Any]:
        asked: dict[str, Any] = {}

        def tune(model: Path, painting: Path, start: Any, options: TuningOptions) -> Tuned:
            asked.update(minutes=options.minutes, model=model, start=start)
            return Tuned(np.float32([1, 2, 3]), "tuned: 7 steps", 7, finished, {"before": 0.25, "after": 0.8})

        monkeypatch.setitem(PROVIDERS, "tuner", SimpleNamespace(load_for=lambda purpose: tune))
        return asked

    return install


def test_tuning_begins_with_the_encoders_vector(
    named: Path, painting: Path, tuner: Callable[..., dict[str, Any]]
) -> None:
    asked = tuner()
    done = nst_rt("add-style", painting, "--name", "mine", "--model", named, "--tune", "--minutes", "2")
    assert asked["start"].tolist() == [10, 20, 30]
    assert (asked["minutes"], asked["model"]) == (2, named)
    assert "25 % before tuning, 80 % after" in done.stderr
    (style,) = read_styles(styles_folder() / "tinting" / "mine.json")
    assert (style.vector.tolist(), style.training) == ([1, 2, 3], "tuned: 7 steps")


def test_without_an_encoder_it_begins_with_the_mean_of_the_named_styles(
    named: Path, painting: Path, tuner: Callable[..., dict[str, Any]]
) -> None:
    named.with_name("tinting.encoder.onnx").unlink()
    asked = tuner()
    nst_rt("add-style", painting, "--name", "mine", "--model", named, "--tune")
    assert asked["start"].tolist() == [5, 40, 45]
    named.with_name("tinting.styles.json").unlink()
    nst_rt("add-style", painting, "--name", "other", "--model", named, "--tune")
    assert asked["start"] is None


def test_an_interrupted_tuning_is_kept_and_ends_like_ctrl_c(
    named: Path, painting: Path, tuner: Callable[..., dict[str, Any]]
) -> None:
    tuner(finished=False)
    done = nst_rt("add-style", painting, "--name", "mine", "--model", named, "--tune")
    assert done.exit_code == 130
    assert "stopped after 7 steps; what they found is kept" in done.stderr
    assert load_styles(ModelFiles(named))["mine"].vector.tolist() == [1, 2, 3]


def in_process(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    lines = f"import sys\n{code}\nfrom nst_rt.cli import main\nmain()"
    return subprocess.run([sys.executable, "-c", lines, *map(str, arguments)], capture_output=True, text=True)


def test_adding_at_once_needs_no_torch(tinting: Path, painting: Path) -> None:
    done = in_process(
        "sys.modules['torch'] = sys.modules['onnx'] = None", "add-style", painting, "-n", "mine", "-m", tinting
    )
    assert done.returncode == 0, done.stderr
    assert (styles_folder() / "tinting" / "mine.json").is_file()


def test_tuning_without_torch_names_the_install_line(tinting: Path, painting: Path) -> None:
    done = in_process("sys.modules['torch'] = None", "add-style", painting, "-n", "mine", "-m", tinting, "--tune")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'nst-rt: error: tuning needs torch: pip install -c constraints.txt ".[export]"' in done.stderr
    assert not (styles_folder() / "tinting" / "mine.json").exists()
