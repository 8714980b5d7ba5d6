"""Colour-matched paintings in `nst-rt optimize`, and the images that `nst-rt grid --method optimize` asks for."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from nst_rt.errors import InputError, ModelError, StyleError
from nst_rt.jobs.optimizing import ImageOptimizer, load_optimizer
from nst_rt.styles.color_matching import ColorMatching
from nst_train.optimization.image_optimizer import NetworkOptimizer
from nst_train.optimization.paintings import read_painting
from nst_train.optimize_command import optimize
from typer import Typer
from typer.testing import CliRunner, Result

app = Typer()
app.command()(optimize)


def invoke(folder: Path, *arguments: str) -> Result:
    quick = ["--weights", folder / "vgg.npz", "--device", "cpu", "--precision", "fp32", "--steps", "30", "--json"]
    line = [str(argument) for argument in [folder / "photo.png", folder / "gogh.png", *quick, *arguments]]
    return CliRunner().invoke(app, line, catch_exceptions=False)


@pytest.fixture
def optimizer(folder: Path) -> ImageOptimizer:
    return NetworkOptimizer(weights=str(folder / "vgg.npz"), device="cpu", precision="fp32", threads=1)


def test_a_painting_is_sized_and_recoloured(folder: Path) -> None:
    photo = cv2.imread(str(folder / "photo.png"))
    plain = read_painting(folder / "gogh.png", 64, 140)
    assert plain.shape == (140, 120, 3)
    matched = read_painting(folder / "gogh.png", 64, 140, ColorMatching.to_image(photo, "cholesky"))
    wanted = photo[..., ::-1].reshape(-1, 3).mean(0)
    assert np.abs(matched.reshape(-1, 3).mean(0) - wanted).max() < 4  # what is clipped is lost
    assert np.abs(plain.reshape(-1, 3).mean(0) - wanted).max() > 12


def test_the_image_stays_nearer_to_the_photographs_colours(folder: Path) -> None:
    photo = cv2.imread(str(folder / "photo.png")).reshape(-1, 3).mean(0)
    away = {}
    for method in ("none", "cholesky", "analogies"):
        out = folder / f"{method}.png"
        told = json.loads(invoke(folder, "-o", str(out), "--match-colors", method, "--ratio", "100").stdout)
        assert told["match_colors"] == method
        away[method] = np.abs(cv2.imread(str(out)).reshape(-1, 3).mean(0) - photo).max()
    assert max(away["cholesky"], away["analogies"]) < away["none"]


def test_an_unknown_method_is_refused(folder: Path) -> None:
    with pytest.raises(StyleError, match="none, cholesky, analogies"):
        invoke(folder, "--match-colors", "histogram")


def test_a_grids_image_is_that_of_the_command(folder: Path, optimizer: ImageOptimizer) -> None:
    settings = ["--ratio", "50", "--color", "0.5", "--match-colors", "analogies", "--style-layers", "relu1_1,relu2_1"]
    invoke(folder, "-o", str(folder / "out.png"), *settings, "--threads", "1")
    photo, wanted = (cv2.imread(str(folder / name)) for name in ("photo.png", "out.png"))
    made = optimizer(
        photo,
        [(folder / "gogh.png", 1.0)],
        {"steps": 30, "ratio": 50.0, "color": 0.5, "match-colors": "analogies", "style-layers": "relu1_1, relu2_1"},
    )
    assert np.array_equal(made, wanted)
    assert set(optimizer.inputs) == {"loss_network", "hardware"}


def test_what_cannot_be_made_is_told(folder: Path, optimizer: ImageOptimizer) -> None:
    photo, painting = cv2.imread(str(folder / "photo.png")), [(folder / "gogh.png", 1.0)]
    with pytest.raises(ModelError, match="no layer relu9_1; it has relu1_1"):
        optimizer(photo, painting, {"content-layer": "relu9_1"})
    with pytest.raises(InputError, match="--style-layers ' , ': no layer"):
        optimizer(photo, painting, {"style-layers": " , "})
    with pytest.raises(InputError, match=r"none\.png: no such file"):
        optimizer(photo, [(folder / "none.png", 1.0)], {})


def test_it_is_registered() -> None:
    assert load_optimizer() is NetworkOptimizer
