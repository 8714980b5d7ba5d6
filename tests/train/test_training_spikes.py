"""The spike loss: what it counts, and that its gradient takes a spike away."""

import pytest
import torch
from nst_export.networks.conditional_layers import ConditionalInstanceNorm2d
from nst_train.perceptual.spikes import LIMIT, spike_error, watched_spikes


def spiky(value: float) -> torch.Tensor:
    features = torch.zeros(1, 2, 20, 20)
    features[0, 0, 5, 5] = value
    return features


def test_a_single_spike_counts_its_excess() -> None:
    norm = ConditionalInstanceNorm2d(2)
    with watched_spikes(torch.nn.Sequential(norm)) as found:
        norm(spiky(1000.0), torch.ones(1, 2), torch.zeros(1, 2))
    # One of 400 equal values: its distance from the mean is sqrt(399) deviations; 800 values share the mean.
    assert found[0].item() == pytest.approx((399**0.5 - LIMIT) ** 2 / 800, rel=1e-3)
    assert spike_error([found[0], found[0]]).item() == pytest.approx(2 * found[0].item())


def test_noise_counts_nothing_and_hooks_are_taken_off() -> None:
    norm = ConditionalInstanceNorm2d(2)
    features = torch.rand(1, 2, 20, 20)
    with watched_spikes(torch.nn.Sequential(norm)) as found:
        norm(features, torch.ones(1, 2), torch.zeros(1, 2))
    assert found[0].item() == 0
    norm(features, torch.ones(1, 2), torch.zeros(1, 2))
    assert len(found) == 1


def test_its_gradient_lowers_the_spike() -> None:
    norm = ConditionalInstanceNorm2d(2)
    features = (spiky(5.0) + 0.01 * torch.randn(1, 2, 20, 20)).requires_grad_()
    with watched_spikes(torch.nn.Sequential(norm)) as found:
        norm(features, torch.ones(1, 2), torch.zeros(1, 2))
    spike_error(found).backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    assert features.grad[0, 0, 5, 5] > 0
