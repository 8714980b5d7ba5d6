"""A painting's file to a tuned vector, and the same through `nst-rt add-style --tune`."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nst_export.checkpoints.conditional_checkpoint import ConditionalWeights
from nst_export.export_options import ExportOptions
from nst_export.families.conditional_export import export_conditional_weights
from nst_export.networks.conditional_network import ConditionalTransformer
from nst_export.parity import sample_images as sample_images
from nst_rt import Stylizer
from nst_rt.cli import app
from nst_rt.jobs.tuning import TuningOptions
from nst_train.data.drawn_images import DrawnImages
from nst_train.settings import PerceptualSettings
from nst_train.tuning import painting_tuning
from nst_train.tuning.painting_tuning import tune_to_painting
from typer.testing import CliRunner


@pytest.fixture
def network() -> ConditionalTransformer:
    torch.manual_seed(2)
    return ConditionalTransformer(quarter=8, eighth=8, half=8, blocks=1).eval()


@pytest.fixture
def model(network: ConditionalTransformer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sample_images, "SIZES", ((64, 64),))
    styles = {"plain": network.neutral_style()[0], "bold": network.neutral_style()[0] * 2}
    export_conditional_weights(
        ConditionalWeights(network, styles),
        tmp_path / "net.onnx",
        ExportOptions(precision="fp32"),
        source_sha256="c" * 64,
    )
    return tmp_path / "net.onnx"


@pytest.fixture
def settings(world: Path) -> PerceptualSettings:
    return PerceptualSettings(
        content="", loss_network="", steps=30, batch=2, size=32, style_side=96, scales=2, warm_up=2, learning_rate=0.05
    )


def tune(model: Path, world: Path, settings: PerceptualSettings, **changes: Any) -> Any:
    options = TuningOptions(photographs=world / "photographs", loss_network=world / "vgg.npz", device="cpu")
    return tune_to_painting(model, world / "gogh.png", None, replace(options, **changes), settings=settings)


def test_it_tells_how_much_closer_it_came(
    model: Path, world: Path, settings: PerceptualSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    tuned = tune(model, world, settings)
    assert tuned.finished
    assert tuned.steps == 30
    assert tuned.vector.dtype == np.float32
    assert tuned.closed["before"] < tuned.closed["after"] <= 1
    assert "30 steps of 2 photographs at 32 px" in tuned.training
    told = capsys.readouterr()
    assert told.out == ""
    assert "step 30/30  style" in told.err


def test_drawn_images_stand_in_for_photographs(
    model: Path, world: Path, settings: PerceptualSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "drawn images" in tune(model, world, settings, photographs=None).training
    assert "--photographs FOLDER" in capsys.readouterr().err
    first, again = DrawnImages(), DrawnImages()
    assert all(np.array_equal(first.image(index), again.image(index)) for index in range(len(first)))


def after_steps(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C after `count` steps; 0 is before the first."""
    real = painting_tuning.choose_reporter

    def choose(**options: Any) -> Any:
        reporter = real(**options)
        monkeypatch.setattr(reporter, "advance", lambda step, losses: step == count and press())
        return reporter

    def press() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(painting_tuning, "choose_reporter", choose)
    if not count:
        real_tune = painting_tuning.tune

        def pressed_first(*arguments: Any, **options: Any) -> Any:
            press()
            return real_tune(*arguments, **options)

        monkeypatch.setattr(painting_tuning, "tune", pressed_first)


def test_ctrl_c_keeps_what_was_found(
    model: Path, world: Path, settings: PerceptualSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_steps(5, monkeypatch)
    tuned = tune(model, world, settings)
    assert not tuned.finished
    assert 5 <= tuned.steps <= 6
    assert set(tuned.closed) == {"before", "after"}


def test_ctrl_c_before_the_first_step_leaves_nothing(
    model: Path, world: Path, settings: PerceptualSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_steps(0, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        tune(model, world, settings)


def test_the_command_adds_a_style_that_works_at_once(model: Path, world: Path, network: ConditionalTransformer) -> None:
    arguments = [
        "add-style", world / "gogh.png", "--name", "mine", "--model", model, "--tune", "--minutes", "0.02",
        "--photographs", world / "photographs", "--loss-network", world / "vgg.npz", "--device", "cpu", "--json",
    ]  # fmt: skip
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["style"] == "mine"
    assert told["closed"].keys() == {"before", "after"}
    assert told["training"].startswith("tuned: ")
    (entry,) = json.loads(Path(told["file"]).read_text())["styles"]
    # It began at the mean of the named vectors, 1.5 times the neutral one, and a few steps do not lead far away.
    vector = torch.tensor(entry["vector"])
    assert not torch.equal(vector, network.neutral_style()[0] * 1.5)
    assert (vector - network.neutral_style()[0] * 1.5).abs().max() < 0.5
    stylizer = Stylizer.load("mine:0.5+plain:0.5", model=model)
    assert stylizer(np.zeros((24, 24, 3), np.uint8)).shape == (24, 24, 3)
