"""A VGG of four channels, and what measures losses with it."""

from pathlib import Path

import pytest
import torch
from nst_bench.harness.losses import FeatureExtractor
from nst_train.loop.hardware import Hardware
from nst_train.perceptual.loss_network import LossNetwork, load_loss_network
from tiny_images import write_loss_network


@pytest.fixture(scope="session")
def loss_network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_loss_network(tmp_path_factory.mktemp("loss") / "vgg.npz")


@pytest.fixture(scope="session")
def loss_network(loss_network_file: Path) -> LossNetwork:
    return load_loss_network(loss_network_file)


@pytest.fixture(scope="session")
def cpu() -> Hardware:
    return Hardware(torch.device("cpu"), torch.float32, "CPU, float32")


@pytest.fixture(scope="session")
def extractor(loss_network: LossNetwork, cpu: Hardware) -> FeatureExtractor:
    return FeatureExtractor(loss_network, cpu)
