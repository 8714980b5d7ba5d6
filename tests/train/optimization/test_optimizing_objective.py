"""The errors of an image, and that strips change neither them nor their gradient."""

from itertools import pairwise

import pytest
import torch
from nst_rt.errors import ModelError
from nst_train.loop.hardware import Hardware
from nst_train.optimization.objective import Layers, Objective, StyleLoss
from nst_train.optimization.strips import Strip, strips
from nst_train.perceptual import losses
from nst_train.perceptual.loss_network import BLOCKS, LossNetwork
from torch import Tensor

VGG19 = [f"relu{block + 1}_{place + 1}" for block, count in enumerate(BLOCKS["vgg19"]) for place in range(count)]
STYLE = ("relu1_1", "relu2_1", "relu3_1")


def noise(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def objective(network: LossNetwork, cpu: Hardware, *images: Tensor, max_pixels: int = 1 << 18, **kinds: object):
    """Of a photograph and paintings of equal weight, at one scale if not said otherwise."""
    layers = Layers("relu2_2", STYLE, **kinds)  # type: ignore[arg-type]
    photograph, *paintings = images
    shares = [(painting, 1 / len(paintings)) for painting in paintings]
    return Objective(network, layers, photograph, shares, cpu, max_pixels)


def test_strips_cover_every_row_once_and_look_beyond() -> None:
    found = strips(1080, 1920, VGG19[: VGG19.index("relu3_1") + 1], max_pixels=1 << 18)
    assert [found[0].top, found[-1].bottom, found[-1].ends] == [0, 1080, True]
    assert all(upper.bottom == lower.top for upper, lower in pairwise(found))
    # relu3_1 has seen 1 + 1 + 2 + 2 + 4 rows on either side: 12, in whole rows of its own.
    assert all(upper.last - upper.bottom == 12 == lower.top - lower.first for upper, lower in pairwise(found))
    assert max((strip.last - strip.first) * 1920 for strip in found) < 1.2 * (1 << 18)
    assert found[1].rows("relu2_1") == slice(6, 6 + (found[1].bottom - found[1].top) // 2)
    assert strips(600, 800, VGG19, max_pixels=1 << 18) == [Strip(0, 600, 0, 600, ends=True)]


@pytest.mark.parametrize("kind", ["gram", "statistics"])
@pytest.mark.parametrize("size", [(90, 50), (97, 45)])
def test_strips_change_nothing(network: LossNetwork, cpu: Hardware, kind: StyleLoss, size: tuple[int, int]) -> None:
    results = []
    for max_pixels in (1 << 18, 1000):
        measure = objective(
            network, cpu, noise(*size), noise(80, 60, 1), max_pixels=max_pixels, style_loss=kind, scales=2
        )
        image = noise(*size, 2).requires_grad_()
        errors = measure(image)
        (errors["style"] + errors["content"]).backward()
        assert image.grad is not None
        results.append((errors["style"].detach(), errors["content"].detach(), image.grad))
    assert len(strips(size[0], size[1], network.layers, 1000)) > 2
    for whole, in_strips in zip(*results, strict=True):
        torch.testing.assert_close(in_strips, whole, rtol=1e-4, atol=1e-7)


def test_errors_are_those_of_the_losses(network: LossNetwork, cpu: Hardware) -> None:
    photograph, painting, image = noise(40, 40), noise(64, 48, 1), noise(40, 40, 2)
    errors = objective(network, cpu, photograph, painting)(image)
    found, wanted = network(image, network.layers), network(painting, network.layers)
    style = [
        losses.relative_gram_error(losses.gram_matrix(found[layer]), losses.gram_matrix(wanted[layer]))
        for layer in STYLE
    ]
    assert errors["style"].item() == pytest.approx(torch.stack(style).mean().item(), rel=1e-4)
    content = losses.content_error(found["relu2_2"], network(photograph, ["relu2_2"])["relu2_2"])
    assert errors["content"].item() == pytest.approx(content.item(), rel=1e-4)


@pytest.mark.parametrize("kind", ["gram", "statistics"])
def test_nothing_is_wrong_with_the_painting_itself(network: LossNetwork, cpu: Hardware, kind: StyleLoss) -> None:
    painting = noise(64, 64, 1)
    errors = objective(network, cpu, painting, painting, style_loss=kind, scales=2)(painting)
    assert errors["style"].item() == pytest.approx(0, abs=1e-8)
    assert errors["content"].item() == pytest.approx(0, abs=1e-8)


def test_several_paintings_share_the_style(network: LossNetwork, cpu: Hardware) -> None:
    photograph, one, other = noise(40, 40), noise(48, 48, 1), noise(48, 48, 2) ** 2
    alone = [objective(network, cpu, photograph, painting)(photograph)["style"] for painting in (one, other)]
    both = objective(network, cpu, photograph, one, other)(photograph)["style"]
    assert both.item() == pytest.approx(sum(error.item() for error in alone) / 2, rel=1e-5)


def test_pyramids_end_in_time(network: LossNetwork, cpu: Hardware) -> None:
    assert objective(network, cpu, noise(130, 200), noise(200, 200), scales=5).scales == 3
    assert objective(network, cpu, noise(20, 20), noise(200, 200), scales=5).scales == 1


def test_unknown_layers_are_listed(network: LossNetwork, cpu: Hardware) -> None:
    with pytest.raises(ModelError, match=r"no layer relu9_1; it has relu1_1, relu1_2"):
        Objective(network, Layers("relu9_1", STYLE), noise(40, 40), [(noise(40, 40), 1.0)], cpu)
