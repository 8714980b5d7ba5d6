"""Images of 64 px and a VGG of four channels."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from nst_train.loop.hardware import Hardware
from nst_train.perceptual.loss_network import LossNetwork, load_loss_network
from one_thread import one_thread as one_thread  # a fixture
from tiny_images import draw, write_loss_network

Rgb = np.ndarray


@pytest.fixture(scope="package")
def cpu() -> Hardware:
    return Hardware(torch.device("cpu"), torch.float32, "CPU, float32")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_loss_network(tmp_path / "vgg.npz")


@pytest.fixture
def network(weights: Path) -> LossNetwork:
    return load_loss_network(weights)


@pytest.fixture
def photograph() -> Rgb:
    """uint8 RGB."""
    return np.ascontiguousarray(draw(1, 48, 64)[..., ::-1])


@pytest.fixture
def painting() -> Rgb:
    return np.ascontiguousarray(draw(2, 70, 60)[..., ::-1])


@pytest.fixture
def folder(tmp_path: Path, weights: Path) -> Path:
    """photo.png (64x48), gogh.png, wave.png and vgg.npz."""
    cv2.imwrite(str(tmp_path / "photo.png"), draw(1, 48, 64))
    for seed, name in enumerate(("gogh", "wave")):
        cv2.imwrite(str(tmp_path / f"{name}.png"), draw(100 + seed, 70, 60))
    return tmp_path
