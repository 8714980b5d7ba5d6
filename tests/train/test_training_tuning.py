"""Fitting a vector alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nst_export.networks.conditional_network import ConditionalTransformer
from nst_rt.errors import ModelError
from nst_train.data.crops import as_batch, as_floats
from nst_train.data.images import ImageFolder, read_rgb, resize_long_side
from nst_train.loop.hardware import Hardware
from nst_train.perceptual.loss_network import load_loss_network
from nst_train.settings import PerceptualSettings
from nst_train.tuning.vector_tuning import TuningProgress, style_closed, tune


@pytest.fixture
def network() -> ConditionalTransformer:
    torch.manual_seed(2)
    return ConditionalTransformer(quarter=8, eighth=8, half=8, blocks=1)


def settings(world: Path, steps: int) -> PerceptualSettings:
    return PerceptualSettings(
        content=str(world / "photographs"),
        loss_network="vgg.npz",
        steps=steps,
        batch=2,
        size=32,
        style_side=96,
        scales=2,
        warm_up=2,
        learning_rate=0.05,
    )


def test_the_vector_learns_and_the_network_does_not(
    world: Path, cpu: Hardware, notes: Any, network: ConditionalTransformer
) -> None:
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    seen: list[TuningProgress] = []
    start = network.neutral_style()
    vector = tune(
        network,
        read_rgb(world / "gogh.png"),
        ImageFolder(world / "photographs", 100, notes.note),
        start,
        load_loss_network(world / "vgg.npz"),
        cpu,
        settings=settings(world, 30),
        progress=seen.append,
    )
    assert vector.shape == (network.style_size,)
    assert not vector.requires_grad
    assert torch.equal(start, network.neutral_style())
    assert all(torch.equal(weights[name], value) for name, value in network.state_dict().items())
    assert [progress.step for progress in seen] == list(range(1, 31))
    assert seen[-1].share == 1.0
    style = [progress.losses["style"] for progress in seen]
    assert sum(style[-5:]) < 0.8 * sum(style[:5])


def test_time_can_end_it_first(world: Path, cpu: Hardware, notes: Any, network: ConditionalTransformer) -> None:
    photographs = ImageFolder(world / "photographs", 100, notes.note)
    vgg, painting = load_loss_network(world / "vgg.npz"), read_rgb(world / "gogh.png")
    seen: list[TuningProgress] = []
    tune(
        network,
        painting,
        photographs,
        network.neutral_style(),
        vgg,
        cpu,
        settings=settings(world, 1_000_000),
        minutes=0.005,
        progress=seen.append,
    )
    assert 0 < len(seen) < 10_000
    assert all(0 <= progress.seconds_left <= 60 * 0.005 for progress in seen)


def test_a_vector_of_another_network(world: Path, cpu: Hardware, notes: Any, network: ConditionalTransformer) -> None:
    photographs = ImageFolder(world / "photographs", 100, notes.note)
    vgg, painting = load_loss_network(world / "vgg.npz"), read_rgb(world / "gogh.png")
    with pytest.raises(ModelError, match="a start of 3 numbers"):
        tune(network, painting, photographs, torch.zeros(3), vgg, cpu)


class Mixing(torch.nn.Module):
    """Between the photographs, at style 0, and the painting, at style 1."""

    def __init__(self, painting: torch.Tensor) -> None:
        super().__init__()
        self.painting = painting

    def draw_noise_offset(self, rng: torch.Generator) -> tuple[int, int]:
        return 0, 0

    def forward(self, photographs: torch.Tensor, style: torch.Tensor, _: tuple[int, int]) -> torch.Tensor:
        return torch.lerp(photographs, self.painting.expand_as(photographs), style.reshape(()))


def test_the_photograph_closes_nothing_and_the_painting_everything(world: Path, cpu: Hardware, notes: Any) -> None:
    photographs = ImageFolder(world / "photographs", 100, notes.note)
    painting = np.ascontiguousarray(resize_long_side(read_rgb(world / "gogh.png"), 96)[:64, :64])
    network: Any = Mixing(as_floats(as_batch([painting])))
    s = replace(settings(world, 1), size=64, style_side=64)
    vectors = [torch.full((1,), share) for share in (0.0, 0.5, 1.0)]
    none, half, all_ = style_closed(
        network, vectors, painting, photographs, load_loss_network(world / "vgg.npz"), cpu, s
    )
    assert none == 0
    assert 0 < half < 1
    assert all_ == pytest.approx(1, abs=1e-5)


def test_it_can_be_stopped(world: Path, cpu: Hardware, notes: Any, network: ConditionalTransformer) -> None:
    seen: list[TuningProgress] = []
    tune(
        network,
        read_rgb(world / "gogh.png"),
        ImageFolder(world / "photographs", 100, notes.note),
        network.neutral_style(),
        load_loss_network(world / "vgg.npz"),
        cpu,
        settings=settings(world, 30),
        progress=seen.append,
        stop=lambda: len(seen) == 3,
    )
    assert len(seen) == 3
