"""Tiny random networks, and small pictures to check exports on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from nst_export.networks.adain import LEVELS, Weights
from nst_export.networks.conditional import ConditionalTransformer
from nst_export.networks.transformer import TransformerNetwork
from nst_export.parity import sample_images as sample_pictures


@pytest.fixture(autouse=True)
def small_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parity on pictures of a tenth of the size; one of them still fits no stride."""
    monkeypatch.setattr(sample_pictures, "SIZES", ((96, 128), (75, 101), (64, 64)))


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny networks gain nothing from threads, which only wait for each other on a busy machine."""
    torch.set_num_threads(1)


def _spread(conv: torch.nn.Conv2d, white: float) -> None:
    """Make a random last convolution fill the range of colours instead of staying around black."""
    with torch.no_grad():
        conv.weight.mul_(0.3 * white)
        conv.bias.fill_(white / 2)


@pytest.fixture
def tiny_transformer() -> TransformerNetwork:
    torch.manual_seed(3)
    network = TransformerNetwork((4, 6, 8), blocks=2, kernels=(9, 9))
    for module in network.modules():
        if isinstance(module, torch.nn.InstanceNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    _spread(network.get_submodule("deconv3.conv2d"), 255)
    return network.eval()


@pytest.fixture
def tiny_conditional() -> ConditionalTransformer:
    torch.manual_seed(4)
    network = ConditionalTransformer(quarter=8, eighth=8, half=4, blocks=2)
    _spread(network.up_full.conv, 1)
    return network.eval()


@pytest.fixture
def style_of() -> Callable[..., torch.Tensor]:
    def make(network: ConditionalTransformer, seed: int = 0) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return network.neutral_style() + 0.3 * torch.randn(1, network.style_size, generator=generator)

    return make


@pytest.fixture
def tiny_vgg() -> Callable[..., tuple[Weights, list[Weights], list[Weights]]]:
    """Preprocessing, encoder and decoder convolutions cut at reluN_1, in network order."""

    def make(level: int, width: int = 3) -> tuple[Weights, list[Weights], list[Weights]]:
        torch.manual_seed(level)
        channels = [width * int(name[0]) for name in LEVELS[level]]

        def weights(out: int, inside: int, side: int = 3) -> Weights:
            return torch.randn(out, inside, side, side) * (2 / (inside * side**2)) ** 0.5, 0.1 * torch.randn(out)

        preprocessing = (torch.eye(3).flip(0)[:, :, None, None] * 2, torch.tensor([-0.8, -0.9, -1.0]))
        encoder = [weights(out, inside) for inside, out in zip([3, *channels[:-1]], channels, strict=True)]
        decoder = [weights(out, inside) for inside, out in zip(channels[::-1], [*channels[-2::-1], 3], strict=True)]
        decoder[-1][1].fill_(0.5)
        return preprocessing, encoder, decoder

    return make


@pytest.fixture
def run() -> Callable[..., np.ndarray]:
    """Run a model file, or a model, once; returns its only output."""

    def once(model: Any, **feeds: np.ndarray) -> np.ndarray:
        source = str(model) if isinstance(model, Path) else model.SerializeToString()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        names = [entry.name for entry in session.get_inputs()]
        for control in ("strength", "color"):
            if control in names:
                feeds.setdefault(control, np.ones(1, np.float32))
        result: np.ndarray = session.run(None, feeds)[0]
        return result

    return once


@pytest.fixture
def noise() -> Callable[..., np.ndarray]:
    """A batch of noise pictures: hard edges at every pixel show any misplaced border."""

    def make(height: int, width: int, batch: int = 1, seed: int = 0) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, (batch, height, width, 3)).astype(np.uint8)

    return make
