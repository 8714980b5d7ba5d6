"""The patch loss: colours that fall apart count, the photograph's contrast and the painting's calm do not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from nst_train.loop.hardware import Hardware
from nst_train.perceptual.loss_network import load_loss_network
from nst_train.perceptual.patches import CONTRAST, patch_error, steps_of_colour, tolerated_steps
from nst_train.perceptual.perceptual_loss import PerceptualLoss
from nst_train.settings import ConditionalSettings
from torch import Tensor

NONE = torch.zeros(1)


def even(side: int = 192) -> Tensor:
    return torch.full((1, 3, side, side), 0.4)


def patched(side: int = 192, strength: float = 0.3) -> Tensor:
    """Even but for a round patch of another colour, as bright as the rest."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    inside = ((y - side // 2).square() + (x - side // 2).square() < (side / 5) ** 2).float()
    return even(side) + inside * torch.tensor([strength, 0.0, -strength])[None, :, None, None]


def test_a_patch_counts_and_the_more_the_stronger() -> None:
    errors = [patch_error(patched(strength=strength), even(), NONE).item() for strength in (0.0, 0.1, 0.3)]
    assert errors[0] == pytest.approx(0, abs=1e-3)
    assert errors[2] > 2.5 * errors[1] > 0.1


def test_faint_patches_count_nearly_as_much_for_their_strength() -> None:
    nothing, faint, strong = (patch_error(patched(strength=s), even(), NONE).item() for s in (0.0, 0.04, 0.4))
    assert faint - nothing > 0.08 * (strong - nothing)


def test_a_band_along_a_border_counts() -> None:
    framed = even()
    framed[..., :24, :] += 0.2
    assert patch_error(framed, even(), NONE) > 0.1


def test_grain_and_strokes_are_no_patches() -> None:
    rng = torch.Generator().manual_seed(3)
    grain = even() + 0.2 * torch.randn((1, 3, 192, 192), generator=rng)
    stripes = even() + 0.3 * torch.sin(torch.arange(192) * 2 * torch.pi / 8)
    for image in (grain, stripes):
        assert patch_error(image, even(), NONE) < 0.25 * patch_error(patched(), even(), NONE)


def test_the_photographs_own_contrast_may_grow() -> None:
    photograph = patched(strength=0.2)
    assert patch_error(patched(strength=0.2 * CONTRAST), photograph, NONE) == pytest.approx(0, abs=1e-3)
    assert patch_error(patched(strength=0.3 * CONTRAST), photograph, NONE) > 0.1


def test_what_a_painting_has_in_its_calm_places_is_allowed() -> None:
    tiles = torch.rand((1, 3, 6, 6), generator=torch.Generator().manual_seed(1))
    mosaic = torch.nn.functional.interpolate(tiles, scale_factor=32.0)
    allowed = tolerated_steps(mosaic)
    assert allowed > 5 * tolerated_steps(patched())
    assert patch_error(patched(), even(), allowed) < 0.5 * patch_error(patched(), even(), NONE)


@pytest.mark.parametrize("side", [16, 40, 64])
def test_small_images(side: int) -> None:
    assert torch.isfinite(steps_of_colour(even(side))).all()
    assert patch_error(patched(side), even(side), NONE) > patch_error(even(side), even(side), NONE)


def test_its_gradient_takes_a_patch_back() -> None:
    image = patched().requires_grad_()
    patch_error(image, even(), NONE).sum().backward()  # type: ignore[no-untyped-call]
    assert image.grad is not None
    assert torch.isfinite(image.grad).all()
    assert patch_error(image - 20 * image.grad, even(), NONE) < patch_error(image, even(), NONE)


@pytest.mark.parametrize("echo", [0.0, 1.0])
def test_it_joins_the_other_losses(
    world: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, echo: float
) -> None:
    loss_network = load_loss_network(world / "vgg.npz")
    images = torch.cat([even(64), patched(64)])
    without = PerceptualLoss(loss_network, conditional_settings(), cpu)
    assert "patches" not in without(images, images, without.targets(images))
    weighed = PerceptualLoss(loss_network, conditional_settings(patch_weight=2.0, echo_weight=echo, size=64), cpu)
    found = weighed(even(64).repeat(2, 1, 1, 1), images, weighed.targets(even(64).repeat(2, 1, 1, 1)))
    assert found["patches"] > 0.01
