"""A photograph repainted by `nst-rt optimize` with the loss networks that people have."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from lab_hues import hue_shift

pytestmark = pytest.mark.shared

NETWORKS = ("vgg19_conv1_1_to_conv3_4.npz", "vgg19_distilled_16x_to_relu5_1.npz")


def optimize(shared: Path, network: str, style: str, *options: str | Path) -> dict[str, object]:
    line = [
        "optimize", shared / "data/content_val/00003.jpg", shared / f"data/style_named/{style}.jpg", "--weights",
        shared / "weights/loss" / network, "--size", "128", "--style-size", "192", "--steps", "40", "--device", "cpu",
        "--json", *options,
    ]  # fmt: skip
    command = [sys.executable, "-c", "from nst_rt.cli import main; main()", *map(str, line)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("network", NETWORKS)
def test_forty_steps_find_the_style(shared: Path, tmp_path: Path, network: str) -> None:
    if not (shared / "weights/loss" / network).is_file():
        pytest.skip(f"no {network}")
    told = optimize(shared, network, "gogh", "-o", tmp_path / "out.png", "--process", "10")
    losses = told["losses"]
    assert isinstance(losses, dict)
    assert losses["end"]["style"] < 0.15 * losses["start"]["style"]
    assert losses["end"]["content"] < 0.6
    assert len(list((tmp_path / "out.process").iterdir())) == 5
    strip = cv2.imread(str(tmp_path / "out.process.jpg"))
    assert strip.shape[1] == 5 * (128 + 10) + 10


def test_the_photograph_keeps_its_hues(shared: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    optimize(shared, NETWORKS[1], "wave", "-o", out, "--color", "0")
    found = cv2.imread(str(out))
    photo = cv2.imread(str(shared / "data/content_val/00003.jpg"))
    assert hue_shift(cv2.resize(photo, found.shape[1::-1], interpolation=cv2.INTER_AREA), found) < 3
