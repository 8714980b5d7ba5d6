"""`nst-rt optimize`, as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from nst_rt.errors import InputError, ModelError, NstError, OutputError, StyleError
from nst_train.optimize_command import optimize
from typer import Typer
from typer.testing import CliRunner, Result

app = Typer()
app.command()(optimize)


def invoke(folder: Path, *arguments: str | Path) -> Result:
    quick = ["--loss-network", folder / "vgg.npz", "--device", "cpu", "--precision", "fp32", "--steps", "3"]
    line = [str(argument) for argument in [*quick, *arguments]]
    return CliRunner().invoke(app, line, catch_exceptions=False)


def test_a_image(folder: Path) -> None:
    result = invoke(folder, folder / "photo.png", folder / "gogh.png", "-o", folder / "out.png")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "step 3/3  style" in result.stderr
    assert f"{folder / 'out.png'}: 3 steps" in result.stderr
    out, photo = (cv2.imread(str(folder / name)) for name in ("out.png", "photo.png"))
    assert out.shape == photo.shape
    assert (out != photo).any()


def test_everything_at_once(folder: Path) -> None:
    result = invoke(
        folder, folder / "photo.png", f"{folder / 'gogh.png'}:3", f"{folder / 'wave.png'}:1", "--json",
        "--process", "2", "--start", "noise", "--optimizer", "adam", "--style-loss", "statistics", "--ratio", "50",
        "--style-size", "64", "--color", "0", "--content-layer", "relu2_2", "--style-layers", "relu1_1,relu2_1",
    )  # fmt: skip
    told = json.loads(result.stdout)
    target = folder / "photo.gogh+wave.png"
    assert told["output"] == str(target)
    assert told["styles"] == {str(folder / "gogh.png"): 3.0, str(folder / "wave.png"): 1.0}
    assert told["files"] == [str(target), *(str(target.with_suffix(f".process{end}")) for end in ("", ".jpg", ".mp4"))]
    assert all(Path(name).exists() for name in told["files"])
    assert (told["settings"]["style_weight"], told["settings"]["content_weight"]) == (50, 1)
    assert (told["steps"], told["stopped"], told["size"]) == (3, "steps", [64, 48])
    assert told["losses"]["end"]["total"] < told["losses"]["start"]["total"]
    # The photograph's colours, on the way too.
    for path in (target, target.with_suffix(".process") / "step_00001.png"):
        image = cv2.imread(str(path)).astype(float)
        photo = cv2.imread(str(folder / "photo.png")).astype(float)
        blue_red, wanted = image[..., 0] - image[..., 2], photo[..., 0] - photo[..., 2]
        assert np.corrcoef(blue_red.ravel(), wanted.ravel())[0, 1] > 0.8


def test_the_result_of_a_run_is_a_start(folder: Path) -> None:
    invoke(folder, folder / "photo.png", folder / "gogh.png", "-o", folder / "one.png")
    arguments = [folder / "photo.png", folder / "gogh.png", "--start", folder / "one.png", "--steps", "1"]
    told = json.loads(invoke(folder, *arguments, "-o", folder / "same.png", "--json").stdout)
    assert told["settings"]["start"] == str(folder / "one.png")
    np.testing.assert_array_equal(cv2.imread(str(folder / "same.png")), cv2.imread(str(folder / "one.png")))


def test_transparency_stays(folder: Path) -> None:
    photo = cv2.cvtColor(cv2.imread(str(folder / "photo.png")), cv2.COLOR_BGR2BGRA)
    photo[:, :20, 3] = 0
    cv2.imwrite(str(folder / "photo.png"), photo)
    invoke(folder, folder / "photo.png", folder / "gogh.png", "-o", folder / "out.png")
    out = cv2.imread(str(folder / "out.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(out[..., 3], photo[..., 3])


def test_interrupted_at_a_coarse_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nst_train.loop.interruption import Interruption

    cv2.imwrite(str(folder / "photo.png"), np.random.default_rng(0).integers(0, 256, (100, 140, 4), np.uint8))
    monkeypatch.setattr(Interruption, "wanted", property(lambda self: True, lambda self, value: None), raising=False)
    result = invoke(
        folder, folder / "photo.png", folder / "gogh.png", "-o", folder / "out.png", "--sizes", "70,140",
        "--process", "1",
    )  # fmt: skip
    assert result.exit_code == 130
    assert "interrupted after step 1" in result.stderr
    assert cv2.imread(str(folder / "out.png"), cv2.IMREAD_UNCHANGED).shape == (50, 70, 4)
    assert (folder / "out.process.mp4").stat().st_size


def test_losses_that_are_not_numbers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nst_train.optimization.objective import Objective

    measure, calls = Objective.__call__, []

    def fails_at_three(self: Objective, image: object) -> object:
        calls.append(1)
        errors = measure(self, image)  # type: ignore[arg-type]
        return {**errors, "content": errors["content"] / 0} if len(calls) == 3 else errors

    monkeypatch.setattr(Objective, "__call__", fails_at_three)
    result = invoke(folder, folder / "photo.png", folder / "gogh.png", "-o", folder / "out.png", "--steps", "9")
    assert result.exit_code == 1
    assert "the losses of step 3 are not finite; this is the last good image" in result.stderr
    assert (folder / "out.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["{0}/none.png", "{0}/gogh.png"], InputError, "none.png"),
        (["{0}/photo.png", "{0}/none.png"], InputError, "none.png"),
        (["{0}/photo.png", "{0}/gogh.png:x"], StyleError, "a weight is a number"),
        (["{0}/photo.png", "{0}/gogh.png:0"], StyleError, "not all 0"),
        (["{0}/photo.png", "{0}/gogh.png", "-o", "{0}/out.gif"], OutputError, "cannot write .gif"),
        (["{0}/photo.png", "{0}/gogh.png", "-o", "{0}/wave.png"], OutputError, "exists already"),
        (["{0}/photo.png", "{0}/gogh.png", "-o", "{0}/no/out.png"], OutputError, "there is no folder"),
        (["{0}/photo.png", "{0}/gogh.png", "-o", "-"], OutputError, "Name files"),
        (["{0}/photo.png", "{0}/gogh.png", "--start", "chaos"], InputError, "chaos"),
        (["{0}/photo.png", "{0}/gogh.png", "--ratio", "9", "--style-weight", "9"], InputError, "--ratio stands for"),
        (["{0}/photo.png", "{0}/gogh.png", "--size", "64", "--sizes", "64"], InputError, "one of the two"),
        (["{0}/photo.png", "{0}/gogh.png", "--color", "2"], StyleError, "from 0 to 1"),
        (["{0}/photo.png", "{0}/gogh.png", "--style-layers", ","], InputError, "no layer"),
        (["{0}/photo.png", "{0}/gogh.png", "--style-layers", "relu1_1,conv4"], ModelError, "no layer conv4; it has"),
        (["{0}/photo.png", "{0}/gogh.png", "--loss-network", "{0}/photo.png"], NstError, "photo.png"),
    ],
)
def test_errors_come_before_the_work(folder: Path, arguments: list[str], error: type, message: str) -> None:
    before = set(folder.iterdir())
    with pytest.raises(error, match=message):
        invoke(folder, *(argument.format(folder) for argument in arguments))
    assert set(folder.iterdir()) == before


def test_inputs_are_looked_at_before_the_output(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name in ("photo.gogh.png", "photo.nobody.png", "none.gogh.png"):
        (folder / name).write_bytes(b"mine")
    for style in ("gogh", "gogh.png:0.5+gogh:0.5"):
        with pytest.raises(InputError, match=r"gogh is a style's name.*Give the painting's file in place of the name"):
            invoke(folder, "photo.png", style)
    with pytest.raises(InputError, match="nobody: no such file"):
        invoke(folder, "photo.png", "nobody")
    with pytest.raises(InputError, match=r"none\.png"):
        invoke(folder, "none.png", "gogh.png")
    with pytest.raises(OutputError, match=r"photo\.gogh\.png: exists already"):
        invoke(folder, "photo.png", "gogh.png")


def test_options_stand_behind_the_paintings(folder: Path) -> None:
    """As a command of `nst-rt` itself, where a group would take them for a command of its own.

    `--weights` is what `--loss-network` was called first.
    """
    line = ["optimize", "photo.png", "gogh.png", "wave.png", "-o", "out.png", "--steps", "1", "--weights", "vgg.npz"]
    command = [sys.executable, "-c", "from nst_rt.cli import main; main()", *line, "--threads", "1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "out.png").is_file()
