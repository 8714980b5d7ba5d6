"""A world small enough to measure: images of 64 px, a VGG of four channels, models that keep the contract."""

from pathlib import Path

import cv2
import pytest
import torch
from nst_bench.quality.losses import Judge
from nst_train.loop.hardware import Hardware
from nst_train.perceptual.loss_network import LossNetwork, load_loss_network
from one_thread import one_thread as one_thread  # a fixture
from tiny_images import draw, write_loss_network


@pytest.fixture(scope="package")
def loss_network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_loss_network(tmp_path_factory.mktemp("loss") / "vgg.npz")


@pytest.fixture(scope="package")
def loss_network(loss_network_file: Path) -> LossNetwork:
    return load_loss_network(loss_network_file)


@pytest.fixture(scope="package")
def cpu() -> Hardware:
    return Hardware(torch.device("cpu"), torch.float32, "CPU, float32")


@pytest.fixture(scope="package")
def judge(loss_network: LossNetwork, cpu: Hardware) -> Judge:
    return Judge(loss_network, cpu)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """photographs/ (4 images), named/ (gogh.png, wave.png, own.png), paintings/ (5) and styles.toml."""
    for name, count in (("photographs", 4), ("paintings", 5)):
        (tmp_path / name).mkdir()
        for index in range(count):
            cv2.imwrite(str(tmp_path / name / f"{name}{index}.png"), draw(10 * count + index, 64, 80))
    (tmp_path / "named").mkdir()
    for seed, name in enumerate(("gogh", "wave", "own")):
        cv2.imwrite(str(tmp_path / "named" / f"{name}.png"), draw(100 + seed, 90, 70))
    (tmp_path / "styles.toml").write_text('[gogh]\nfile = "gogh.png"\n[wave]\nfile = "wave.png"\n')
    return tmp_path
