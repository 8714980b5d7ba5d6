"""What a method's process does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from nst_bench.compare.paint import paint
from nst_rt.errors import InputError
from nst_rt.jobs.tuning import Tuned


def request(folder: Path, **changes: Any) -> dict[str, Any]:
    shared = {"content": "photo.png", "side": 96, "target": "out.png", "painting": "painting.png"}
    paths = {name: str(folder / value) if isinstance(value, str) else value for name, value in shared.items()}
    return {**paths, "device": "cpu", "precision": "fp32", "threads": 1} | changes


def optimizing(folder: Path, loss_network: str) -> dict[str, Any]:
    settings = {"style-loss": "statistics", "optimizer": "adam", "steps": 3}
    return request(folder, kind="optimize", loss_network=str(folder / loss_network), settings=settings)


def test_an_optimised_image(folder: Path) -> None:
    told = paint(optimizing(folder, "vgg.npz"))
    assert told["images"] == 1
    assert "float32" in told["ran"]["device"]
    photo, image = (cv2.imread(str(folder / name)) for name in ("photo.png", "out.png"))
    assert image.shape == photo.shape
    assert 0 < np.abs(image.astype(int) - photo).max() < 40  # three steps of Adam, 0.02 each


def test_losses_that_are_not_finite(folder: Path) -> None:
    arrays = dict(np.load(folder / "vgg.npz"))
    np.savez(folder / "nan.npz", **{**arrays, "conv1_1.bias": np.full(4, np.nan, np.float32)})
    with pytest.raises(InputError, match="not finite"):
        paint(optimizing(folder, "nan.npz"))
    assert not (folder / "out.png").exists()


def test_tuning_keeps_to_the_threads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []

    def tune(*_: Any, **__: Any) -> Tuned:
        found.append(torch.get_num_threads())
        return Tuned(np.zeros(3, np.float32), "none", 0, True)

    monkeypatch.setattr("nst_rt.jobs.tuning.load_tuner", lambda: tune)
    model = {"model": str(folder / "tinting.onnx"), "loss_network": str(folder / "vgg.npz")}
    before = torch.get_num_threads()
    try:
        told = paint(request(folder, kind="tuned", minutes=1, tuning_device="cpu", **model, threads=before + 1))
    finally:
        torch.set_num_threads(before)
    assert found == [before + 1]
    assert told["training"] == "none"


def test_an_error_is_one_line(folder: Path) -> None:
    asked = request(folder, kind="network", model=str(folder / "tinting.onnx"), style="goph")
    (folder / "request.json").write_text(json.dumps(asked))
    line = [sys.executable, "-m", "nst_bench.compare.paint", folder / "request.json", folder / "answer.json"]
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("no style named 'goph' (did you mean 'gogh'?)")
    assert done.stderr.count("\n") == 1
    assert not (folder / "answer.json").exists()


def test_networks_run_without_pytorch(folder: Path) -> None:
    asked = request(folder, kind="network", model=str(folder / "tinting.onnx"), style=str(folder / "painting.png"))
    code = (
        "import sys; from nst_bench.compare.paint import paint; "
        f"told = paint({asked!r}); assert 'torch' not in sys.modules; assert told['images'] > 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (folder / "out.png").is_file()
