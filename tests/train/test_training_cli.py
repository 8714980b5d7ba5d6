"""`nst-rt train`, as a user types it."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from nst_rt.errors import DeviceError, InputError, ModelError, StyleError
from nst_train.loop import hardware
from nst_train.loop.progress import Pace, PlainReporter
from nst_train.train_commands import app
from typer.testing import CliRunner

SMALL = ["--batch-size", "2", "--size", "32", "--precision", "fp32", "--device", "cpu"]


@pytest.fixture
def loss(world: Path) -> list[str]:
    return ["--loss-network", str(world / "vgg.npz"), "--scales", "2", "--style-side", "96"]


def train(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    return result.stderr


def test_transformers_one_after_the_other(world: Path, tmp_path: Path, loss: list[str]) -> None:
    told = train(
        "transformer", "--content", world / "photographs", "--style", world / "gogh.png",
        "--style", f"sea={world / 'wave.png'}", "--out", tmp_path, "--widths", "4,4,4", "--blocks", "1",
        "--steps", "2", *SMALL, *loss,
    )  # fmt: skip
    for name in ("gogh", "sea"):
        assert f"wrote {tmp_path / name / 'transformer.pth'}" in told
        assert (tmp_path / name / "sheet_000002.jpg").stat().st_size
        assert (tmp_path / name / "record.json").stat().st_size


def test_conditional_goes_on_when_it_is_called_again(world: Path, tmp_path: Path, loss: list[str]) -> None:
    table = tmp_path / "table.toml"
    table.write_text('[gogh]\nfile = "gogh.png"\nartist = "A"\nscale = 0.75\n')
    command = [
        "conditional", "--content", world / "photographs", "--named", world, "--table", table,
        "--style", f"wave={world / 'wave.png'}", "--paintings", world / "paintings", "--painting-size", "64",
        "--out", tmp_path / "run", "--widths", "quarter=8,eighth=8,half=8,blocks=1", "--steps", "9",
        "--sheet-every", "0", *SMALL, *loss,
    ]  # fmt: skip
    train(*command, "--until", "1")
    told = train(*command, "--until", "2")
    assert ", from 5 photographs; Ctrl-C saves and stops" in told
    assert "going on from step 1" in told
    assert "step 2/2  style" in told
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["settings"]["style_sides"] == {"gogh": round(0.75 * record["settings"]["style_side"])}
    weights = torch.load(tmp_path / "run" / "conditional.pt", weights_only=True)
    assert weights["records"]["gogh"]["artist"] == "A"
    assert list(weights["styles"]) == ["gogh", "wave"]


@pytest.mark.parametrize("recipe", ["transformer", "conditional"])
def test_every_loss_has_its_weight_from_the_command_line(
    world: Path, tmp_path: Path, loss: list[str], recipe: str
) -> None:
    weights = {"style": 3.0, "content": 2.0, "calm": 0.3, "echo": 0.4, "border": 0.5, "patch": 0.9, "stability": 4.0}
    weights |= {"variation": 0.6, "range": 5.0}
    own = ["--widths", "4,4,4", "--blocks", "1"]
    if recipe == "conditional":
        weights |= {"brush": 0.7, "spike": 0.8}
        own = ["--widths", "quarter=8,eighth=8,half=8,blocks=1"]
    options = [text for name, weight in weights.items() for text in (f"--{name}-weight", str(weight))]
    options += ["--close-ups", "0.2", "--wide-crops", "0.3", "--batch-size", "4"]
    train(
        recipe, "--content", world / "photographs", "--style", world / "gogh.png", "--out", tmp_path / "run",
        "--steps", "1", "--sheet-every", "0", *own, *SMALL, "--size", "64", *loss, *options,
    )  # fmt: skip
    (record,) = (tmp_path / "run").rglob("record.json")
    settings = json.loads(record.read_text())["settings"]
    assert {name: settings[f"{name}_weight"] for name in weights} == weights
    assert (settings["close_ups"], settings["wide_crops"]) == (0.2, 0.3)


def test_adain(world: Path, tmp_path: Path) -> None:
    told = train(
        "adain", "--content", world / "photographs", "--styles", world / "paintings", "--encoder",
        world / "encoder.pth", "--out", tmp_path, "--max-iter", "1", *SMALL,
    )  # fmt: skip
    assert f"wrote {tmp_path / 'decoder.pth'}" in told


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--content", "nowhere", "--style", "{world}/gogh.png"], InputError, "nowhere: no such folder"),
        (["--style", "{world}/none.png"], InputError, "none.png: no such file"),
        (["--style", "{world}/gogh.png", "--loss-network", "{world}/none.pth"], InputError, "no such loss network"),
        (["--style", "{world}/gogh.png", "--loss-network", "{world}/encoder.pth"], ModelError, "not a loss network"),
        (["--style", "{world}/gogh.png", "--widths", "4,4"], ModelError, "three numbers"),
        (["--style", "{world}/gogh.png", "--style", "gogh={world}/wave.png"], StyleError, "there twice"),
        (["--style", "{world}/gogh.png", "--size", "33"], InputError, "multiple of 8"),
        (["--style", "{world}/gogh.png", "--device", "tpu"], DeviceError, "auto, cpu or cuda"),
    ],
)
def test_errors(
    world: Path, tmp_path: Path, loss: list[str], arguments: list[str], error: type[Exception], message: str
) -> None:
    given = [argument.replace("{world}", str(world)) for argument in arguments]
    command = ["transformer", "--content", str(world / "photographs"), "--out", str(tmp_path), *SMALL, *loss, *given]
    with pytest.raises(error, match=message):
        CliRunner().invoke(app, command, catch_exceptions=False)


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="no CUDA device here"):
        hardware.choose_hardware("cuda")
    monkeypatch.setattr(hardware, "cpu_computes_bfloat16", lambda: True)
    assert hardware.choose_hardware("auto").dtype == torch.bfloat16
    assert hardware.choose_hardware("auto", "fp32").dtype == torch.float32
    monkeypatch.setattr(hardware, "cpu_computes_bfloat16", lambda: False)
    assert hardware.choose_hardware("auto").dtype == torch.float32


def test_help_does_not_need_torch() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from nst_train.train_commands import app; "
        "result = CliRunner().invoke(app, ['conditional', '--help']); assert '--paintings' in result.output; "
        "assert result.exit_code == 0 and 'torch' not in sys.modules and 'cv2' not in sys.modules"
    )
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path)), "COLUMNS": "120"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_plain_lines() -> None:
    stream = io.StringIO()
    reporter = PlainReporter(every=2, stream=stream)
    reporter.begin(0, 5)
    for step in range(1, 6):
        reporter.advance(step, {"style": 1.23456})
    steps = [line.split("/")[0] for line in stream.getvalue().splitlines()]
    assert steps == ["step 1", "step 2", "step 4", "step 5"]
    assert ["left" in line for line in stream.getvalue().splitlines()] == [False, True, True, True]
    assert "style 1.235" in stream.getvalue()


def test_remaining_time() -> None:
    for seconds, text in ((0.03, "30 s left"), (0.6, "10 min left"), (10.0, "2 h 47 min left")):
        times = iter([0.0, 5.0, 5.0 + seconds])
        pace = Pace(0, 1002, lambda times=times: next(times))
        pace.update(1)
        pace.update(2)
        assert pace.remaining(2) == text


def test_a_slow_first_step_foretells_nothing() -> None:
    now = [100.0]
    pace = Pace(0, 100, lambda: now[0])
    told = {}
    for step in range(1, 101):
        # The first step loads and compiles, number 30 waits for a file, and from 60 on they are four times as long.
        now[0] += {1: 1.06, 30: 9.0}.get(step, 0.03 if step < 60 else 0.12)
        pace.update(step)
        told[step] = pace.told(step)
    assert told[1] == "1.06 s/step"
    assert told[2] == "0.03 s/step, 3 s left"
    assert told[30] == told[31] == "0.03 s/step, 2 s left"
    assert told[75] == "0.12 s/step, 3 s left"
    assert told[100] == "0.12 s/step, 0 s left"


def test_a_run_of_one_step_and_one_that_knows_better() -> None:
    times = iter([0.0, 2.0])
    pace = Pace(0, 1, lambda: next(times))
    pace.update(1)
    assert pace.told(1) == "2.00 s/step, 0 s left"
    times = iter([0.0, 2.0])
    bound = Pace(0, 50, lambda: next(times))
    bound.update(1)
    bound.expect(30.0)
    assert bound.told(1) == "2.00 s/step, 30 s left"
