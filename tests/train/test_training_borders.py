"""The border loss: grain and bands along a border count, bands that the photograph has do not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from nst_rt.errors import InputError
from nst_train.loop.hardware import Hardware
from nst_train.perceptual.borders import BANDS, SHADE, band_error, border_error, fringe_error
from nst_train.perceptual.loss_network import load_loss_network
from nst_train.perceptual.perceptual_loss import PerceptualLoss
from nst_train.settings import BORDER_SIDE, ConditionalSettings


def noise(height: int, width: int) -> torch.Tensor:
    return 0.5 + 0.1 * torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def banded(image: torch.Tensor, blue: float, side: int = 0, width: int = BANDS[-1]) -> torch.Tensor:
    """An image that has another blue along one side."""
    changed = torch.rot90(image, side, (2, 3)).clone()
    changed[:, 2, :width] += blue
    return torch.rot90(changed, -side, (2, 3))


@pytest.mark.parametrize("side", range(4))
def test_a_fringe_counts_on_every_side(side: int) -> None:
    image = noise(96, 96)
    assert fringe_error(image).item() < 1e-3
    fringed = torch.rot90(image, side, (2, 3)).clone()
    fringed[..., -12:, :] = 0.5 + 3 * (fringed[..., -12:, :] - 0.5)
    fringed = torch.rot90(fringed, -side, (2, 3)).requires_grad_()
    error = fringe_error(fringed)
    error.backward()  # type: ignore[no-untyped-call]
    assert error.item() > 0.2
    assert fringed.grad is not None
    assert fringe_error((fringed - 20 * fringed.grad).detach()).item() < error.item()


@pytest.mark.parametrize("side", range(4))
def test_a_band_counts_by_the_square_of_its_shade_on_every_side(side: int) -> None:
    even = torch.full((2, 3, 192, 216), 0.4)
    one_of_twelve = pytest.approx(1 / 12, rel=1e-4)  # four sides, three colours
    assert band_error(banded(even, SHADE, side), even).item() == one_of_twelve
    assert 4 * band_error(banded(even, -SHADE / 2, side), even).item() == one_of_twelve


def test_a_thin_rim_counts_no_less_than_a_wide_band() -> None:
    even = torch.full((1, 3, 192, 192), 0.4)
    wide, thin = (band_error(banded(even, 0.1, width=width), even).item() for width in reversed(BANDS))
    assert thin == pytest.approx(wide * (1 + (BANDS[0] / BANDS[1]) ** 2), rel=1e-4)


def test_opposite_bands_do_not_cancel() -> None:
    even = torch.full((1, 3, 192, 192), 0.4)
    one = band_error(banded(even, 0.1), even).item()
    assert band_error(banded(banded(even, 0.1), -0.1, side=2), even).item() == pytest.approx(2 * one, rel=1e-4)
    both = torch.cat([banded(even, 0.1), banded(even, -0.1)])
    assert band_error(both, even.expand(2, -1, -1, -1)).item() == pytest.approx(one, rel=1e-4)


def test_a_band_that_the_photograph_has_may_stay() -> None:
    photograph = banded(noise(192, 192), 0.2)
    assert band_error(photograph, photograph).item() == 0


def test_it_is_a_term_only_where_it_has_a_weight(
    world: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware
) -> None:
    images = noise(64, 64)
    network = load_loss_network(world / "vgg.npz")
    without = PerceptualLoss(network, conditional_settings(), cpu)
    assert "border" not in without(images, images, without.targets(images))
    weighed = PerceptualLoss(network, conditional_settings(border_weight=2.0, size=BORDER_SIDE), cpu)
    stylised = banded(images, 0.2)
    stylised[..., -12:, :] = 0.5 + 3 * (stylised[..., -12:, :] - 0.5)
    found = weighed(images, stylised, weighed.targets(images))["border"]
    assert found.item() == pytest.approx(2 * border_error(stylised, images).item(), rel=1e-5)


def test_it_is_both_the_fringe_and_the_band() -> None:
    photograph = noise(192, 192)
    fringed = photograph.clone()
    fringed[..., :12] = 0.5 + 3 * (fringed[..., :12] - 0.5)
    tinted = banded(photograph, 0.9)
    for image in (fringed, tinted):
        both = fringe_error(image) + band_error(image, photograph)
        assert border_error(image, photograph).item() == pytest.approx(both.item())
        assert both.item() > 0.1


def test_crops_must_be_wide_enough(conditional_settings: Callable[..., ConditionalSettings]) -> None:
    with pytest.raises(InputError, match=f"border loss needs {BORDER_SIDE}"):
        conditional_settings(border_weight=1.0, size=BORDER_SIDE - 8)
    assert fringe_error(noise(BORDER_SIDE, BORDER_SIDE)).item() < 1e-3
