"""A pair of small images, models that keep the contract, and a VGG of four channels."""

import json
from pathlib import Path

import cv2
import pytest
from one_thread import one_thread as one_thread  # a fixture
from tiny_images import draw, write_loss_network

GOGH = [30, 60, 90]
"""The vector of the style gogh: what `tinting_model` adds to half of the frame, per BGR channel."""


@pytest.fixture
def folder(tmp_path: Path, tinting: Path, inverting: Path) -> Path:
    """photo.png (96x80), painting.png, vgg.npz; tinting.onnx with its encoder and the style gogh; inverting.onnx."""
    cv2.imwrite(str(tmp_path / "photo.png"), draw(1, 80, 96))
    cv2.imwrite(str(tmp_path / "painting.png"), draw(2, 90, 70))
    write_loss_network(tmp_path / "vgg.npz")
    styles = {"styles": [{"name": "gogh", "vector": GOGH, "training": "by hand"}]}
    tinting.with_suffix(".styles.json").write_text(json.dumps(styles))
    return tmp_path
