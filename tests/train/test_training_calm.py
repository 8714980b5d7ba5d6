"""The calm loss: blank places count, lively ones and the painting's own calm do not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from nst_train.loop.hardware import Hardware
from nst_train.perceptual.calm import SOFTENING, activity, calm_error, calm_floor
from nst_train.perceptual.loss_network import load_loss_network
from nst_train.perceptual.perceptual_loss import PerceptualLoss
from nst_train.settings import ConditionalSettings


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_activity_is_the_variance_of_each_tile() -> None:
    features = noise(2, 3, 8, 12) + 100
    found = activity(features, 4)
    assert found.shape == (2, 6)
    corner = features[1, :, 4:, 8:].flatten(1).var(dim=1, correction=0).sum()
    assert found[1, -1].item() == pytest.approx(float(corner), rel=1e-3)


def test_a_blank_half_counts_half() -> None:
    lively = noise(1, 3, 32, 32)
    blank = lively.clone()
    blank[..., :16] = 5.0
    floor = calm_floor(lively, 4)
    assert calm_error(lively, floor, 4).item() < 0.01
    assert calm_error(blank, floor, 4).item() == pytest.approx(0.5 * (1 - SOFTENING**0.5) ** 2, abs=0.01)


def test_paintings_with_blank_places_allow_them() -> None:
    painting = noise(1, 3, 32, 32)
    painting[..., :16] = 5.0
    floor = calm_floor(painting, 4)
    assert calm_error(torch.zeros(1, 3, 32, 32), floor, 4).item() == pytest.approx(0, abs=1e-3)


def test_blank_images_have_a_way_out() -> None:
    features = (1e-3 * noise(1, 3, 32, 32)).requires_grad_()
    calm_error(features, torch.tensor([3.0]), 4).sum().backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    assert bool(torch.isfinite(features.grad).all())
    assert float((features - 10 * features.grad).detach().var()) > float(features.detach().var())


def test_it_is_a_term_only_where_it_has_a_weight(
    world: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware
) -> None:
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    network = load_loss_network(world / "vgg.npz")
    without = PerceptualLoss(network, conditional_settings(), cpu)
    assert "calm" not in without(images, images, without.targets(images))
    weighed = PerceptualLoss(network, conditional_settings(calm_weight=3.0), cpu)
    targets = weighed.targets(images)
    assert len(targets) == len(without.targets(images)) + 1
    grey = torch.full_like(images, 0.5)
    assert weighed(images, images, targets)["calm"] < 0.1 * weighed(images, grey, targets)["calm"]
