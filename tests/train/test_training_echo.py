"""The echo loss: weaves of the network's period count, rng and the painting's own grids do not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from nst_rt.errors import InputError
from nst_train.loop.hardware import Hardware
from nst_train.perceptual.echo import BANDS, SHIFTS, echo_error, echoes, tolerated_echoes
from nst_train.perceptual.loss_network import load_loss_network
from nst_train.perceptual.perceptual_loss import PerceptualLoss
from nst_train.settings import ECHO_SIDE, ConditionalSettings

NOTHING = torch.zeros(1, SHIFTS)


def noise(height: int, width: int) -> torch.Tensor:
    return 0.5 + 0.1 * torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def weave(period: tuple[int, int], side: int = 96) -> torch.Tensor:
    """The same piece of noise again and again."""
    times = [-(-side // length) for length in period]
    return noise(*period).repeat(1, 1, *times)[..., :side, :side]


def error_of(images: torch.Tensor, tolerated: torch.Tensor) -> torch.Tensor:
    """The error where the photograph is even."""
    return echo_error(images, torch.full_like(images, 0.5), tolerated)


def test_each_direction_is_looked_in_once() -> None:
    for band in BANDS:
        assert len(set(band.shifts)) == len(band.shifts)
        assert not any((-down, -right) in band.shifts for down, right in band.shifts)


@pytest.mark.parametrize("period", [(8, 96), (96, 8), (16, 96), (16, 16), (4, 96), (4, 4)])
def test_weaves_count_and_chance_does_not(period: tuple[int, int]) -> None:
    assert error_of(weave(period), NOTHING).item() > 0.5
    assert error_of(noise(96, 96), NOTHING).item() < 0.1


def test_a_shift_by_the_period_finds_the_same_again() -> None:
    found = echoes(weave((16, 96)))
    assert found[0, BANDS[0].shifts.index((16, 0))].min().item() == pytest.approx(1, abs=0.05)
    assert found[0, BANDS[0].shifts.index((0, 16))].max().item() < 0.5


def test_even_images_repeat_nothing() -> None:
    even = torch.full((2, 3, 96, 96), 0.5) + 1e-4 * noise(96, 96)
    assert error_of(even, NOTHING.expand(2, -1)).max().item() < 1e-3


def test_what_the_painting_repeats_may_be_repeated() -> None:
    grid = weave((16, 16))
    assert error_of(grid, tolerated_echoes(grid)).item() == pytest.approx(0, abs=1e-3)


def test_a_weave_of_colours_counts_as_one_of_greys() -> None:
    grey = weave((16, 16))
    colourful = grey.clone()
    colourful[:, 1] = 1 - grey[:, 0]
    colourful[:, 2] = 0.5
    assert error_of(colourful, NOTHING).item() > 0.5


def test_the_photograph_s_own_contours_may_stay() -> None:
    photograph = torch.full((1, 3, 96, 96), 0.2)
    photograph[..., 48:] = 0.8
    assert error_of(photograph, NOTHING).item() > 0.1
    assert echo_error(photograph, photograph, NOTHING).item() == 0


def test_there_is_a_way_out_of_a_weave() -> None:
    image = (weave((16, 16)) + 0.01 * noise(96, 96)).requires_grad_()
    before = error_of(image, NOTHING)
    before.sum().backward()  # type: ignore[no-untyped-call]
    assert image.grad is not None
    assert error_of((image - 20 * image.grad).detach(), NOTHING).item() < float(before.detach())


def test_it_is_a_term_only_where_it_has_a_weight(
    world: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware
) -> None:
    images = noise(64, 64).expand(2, -1, -1, -1)
    network = load_loss_network(world / "vgg.npz")
    without = PerceptualLoss(network, conditional_settings(), cpu)
    assert "echo" not in without(images, images, without.targets(images))
    for calm in (0.0, 1.0):
        weighed = PerceptualLoss(network, conditional_settings(echo_weight=2.0, calm_weight=calm, size=64), cpu)
        targets = weighed.targets(images)
        woven = weave((16, 16), 64).expand(2, -1, -1, -1)
        assert weighed(images, woven, targets)["echo"] > 4 * weighed(images, images, targets)["echo"]


def test_crops_must_be_wide_enough_to_look_around(conditional_settings: Callable[..., ConditionalSettings]) -> None:
    with pytest.raises(InputError, match=f"needs {ECHO_SIDE}"):
        conditional_settings(echo_weight=1.0, size=ECHO_SIDE - 8)
    assert echoes(noise(ECHO_SIDE, ECHO_SIDE)).shape[:2] == (1, SHIFTS)


def test_a_fringe_along_the_border_does_not_hide_a_weave() -> None:
    woven = weave((16, 16), 160)
    fringed = woven.clone()
    fringed[..., -12:, :] = 3 * noise(12, 160) - 1
    fringed[..., :12] = 3 * noise(160, 12) - 1
    assert error_of(fringed, NOTHING).item() == pytest.approx(error_of(woven, NOTHING).item(), rel=1e-3)
