"""Somebody's trained checkpoint to a stylised image by the two commands of the README, held against PyTorch.

The reference is written out here from the papers and the checkpoints' keys, so that it shares nothing with the
exporter's own networks.
"""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from nst_rt.contract import ModelRecord
from torch import Tensor
from torch.nn import functional

pytestmark = pytest.mark.shared


def nst_rt(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from nst_rt.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def psnr(found: np.ndarray, wanted: np.ndarray) -> float:
    error = np.mean((found.astype(np.float64) - wanted.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def to_tensor(bgr: np.ndarray, scale: float = 1.0) -> Tensor:
    return torch.from_numpy(bgr[:, :, ::-1].copy()).permute(2, 0, 1)[None].float() * scale


def to_bgr(rgb: Tensor) -> np.ndarray:
    return rgb[0].clamp(0, 255).round().permute(1, 2, 0).numpy().astype(np.uint8)[:, :, ::-1]


def reflect_conv(features: Tensor, weights: dict[str, Tensor], name: str, stride: int = 1) -> Tensor:
    kernel = weights[f"{name}.weight"]
    padding = [kernel.shape[-1] // 2] * 4
    padded = functional.pad(features, padding, mode="reflect") if any(padding) else features
    return functional.conv2d(padded, kernel, weights[f"{name}.bias"], stride=stride)


def johnson(photo: np.ndarray, weights: dict[str, Tensor]) -> np.ndarray:
    def norm(features: Tensor, name: str) -> Tensor:
        return functional.instance_norm(features, weight=weights[f"{name}.weight"], bias=weights[f"{name}.bias"])

    y = to_tensor(photo)
    for index, stride in ((1, 1), (2, 2), (3, 2)):
        y = functional.relu(norm(reflect_conv(y, weights, f"conv{index}.conv2d", stride), f"in{index}"))
    for index in range(1, 6):
        hidden = functional.relu(norm(reflect_conv(y, weights, f"res{index}.conv1.conv2d"), f"res{index}.in1"))
        y = y + norm(reflect_conv(hidden, weights, f"res{index}.conv2.conv2d"), f"res{index}.in2")
    for index in (1, 2):
        y = functional.interpolate(y, scale_factor=2, mode="nearest")
        y = functional.relu(norm(reflect_conv(y, weights, f"deconv{index}.conv2d"), f"in{index + 3}"))
    height, width = photo.shape[:2]
    return to_bgr(reflect_conv(y, weights, "deconv3.conv2d"))[:height, :width]


def adain_r31(
    photo: np.ndarray, painting: np.ndarray, encoder: dict[str, Tensor], decoder: dict[str, Tensor]
) -> np.ndarray:
    def encode(bgr: np.ndarray) -> Tensor:
        y = reflect_conv(to_tensor(bgr, 1 / 255), encoder, "conv1")
        for index in range(2, 7):
            y = functional.relu(reflect_conv(y, encoder, f"conv{index}"))
            if index in (3, 5):
                y = functional.max_pool2d(y, 2)
        return y

    def statistics(features: Tensor) -> tuple[Tensor, Tensor]:
        variance = features.var((2, 3), keepdim=True, unbiased=False)
        return features.mean((2, 3), keepdim=True), (variance + 1e-5).sqrt()

    content, style = encode(photo), encode(painting)
    mean, deviation = statistics(content)
    style_mean, style_deviation = statistics(style)
    y = (content - mean) / deviation * style_deviation + style_mean
    for index in range(7, 12):
        y = reflect_conv(y, decoder, f"conv{index}")
        if index < 11:
            y = functional.relu(y)
        if index in (7, 9):
            y = functional.interpolate(y, scale_factor=2, mode="nearest")
    return to_bgr(y * 255)


def photographs(shared: Path) -> list[str | Path]:
    return ["--photographs", shared / "data" / "content_val"]


def parity_images(model: Path) -> str:
    metadata = {entry.key: entry.value for entry in onnx.load(model).metadata_props}
    return ModelRecord.from_metadata(metadata, str(model)).parity_images


@pytest.fixture
def photo(shared: Path, tmp_path: Path) -> Path:
    source = sorted((shared / "data" / "content_val").glob("*.jpg"))[0]
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), cv2.resize(cv2.imread(str(source)), (384, 256), interpolation=cv2.INTER_AREA))
    return path


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
def test_mosaic(shared: Path, photo: Path, tmp_path: Path, precision: str) -> None:
    checkpoint = shared / "checkpoints" / "fast_neural_style" / "mosaic_nc16_b1_e2_1e05_1e10.model"
    model, out = tmp_path / "mosaic.onnx", tmp_path / "out.png"
    nst_rt("export", "transformer", checkpoint, "-o", model, "--precision", precision, *photographs(shared))
    nst_rt("image", photo, "--style", model, "-o", out)
    with torch.no_grad():
        wanted = johnson(cv2.imread(str(photo)), torch.load(checkpoint, weights_only=True))
    assert psnr(cv2.imread(str(out)), wanted) >= 40
    told = json.loads(nst_rt("info", model, "--json").stdout)
    assert (told["family"], told["precision"], told["kind"]) == ("transformer", precision, "stylizer")
    assert min(parity["psnr"] for parity in told["parity"]) >= 40
    assert len(told["parity"]) >= 3
    assert parity_images(model) == "photographs"


def test_adain_with_a_painting(shared: Path, photo: Path, tmp_path: Path) -> None:
    folder = shared / "checkpoints" / "adain_r31"
    model, out, painting = tmp_path / "adain.onnx", tmp_path / "out.png", tmp_path / "painting.png"
    source = cv2.imread(str(shared / "data" / "style_named" / "gogh.jpg"))
    cv2.imwrite(str(painting), cv2.resize(source, (320, 256), interpolation=cv2.INTER_AREA))
    encoder, decoder = folder / "vgg_r31.pth", folder / "dec_r31.pth"
    pair = ("--encoder", encoder, "--decoder", decoder)
    nst_rt("export", "adain", *pair, "-o", model, "--precision", "fp32", *photographs(shared))
    nst_rt("image", photo, "--model", model, "--style", painting, "-o", out)
    with torch.no_grad():
        wanted = adain_r31(
            cv2.imread(str(photo)),
            cv2.imread(str(painting)),
            torch.load(encoder, weights_only=True),
            torch.load(decoder, weights_only=True),
        )
    assert psnr(cv2.imread(str(out)), wanted) >= 40
    assert parity_images(model) == parity_images(model.with_suffix(".encoder.onnx")) == "photographs"
