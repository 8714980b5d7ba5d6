"""The brush loss: strokes along the flow are right, others in even areas count, contours are left alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from nst_export.networks.conditional_network import MARGIN, STRIDE, ConditionalTransformer
from nst_export.networks.flow_field import FLOW, field, streaks, white_noise
from nst_train.loop.hardware import Hardware
from nst_train.perceptual import brush
from nst_train.perceptual.brush import LEAST, MOST, SIDE, SLOPE, brush_error, brush_of, directions, flow_angles
from nst_train.recipes.conditional import ConditionalRecipe
from nst_train.settings import ConditionalSettings

SIZE = 96
EVEN = torch.full((1, 3, SIZE, SIZE), 0.5)
FREE, BOUND = torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 0.0]])
"""Brushes of parallel strokes, free and of a grid."""
LYING = torch.tensor([1.0, 0.0])[:, None, None].expand(2, SIZE // 8, SIZE // 8)
"""A flow to the right everywhere."""


def lines(degrees: float, side: int = SIZE) -> torch.Tensor:
    """Parallel strokes (1, 3, side, side) that rise by an angle, counter-clockwise."""
    angle = torch.deg2rad(torch.tensor(degrees))
    down, right = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    across = right * torch.sin(angle) + down * torch.cos(angle)
    return (0.5 + 0.2 * torch.sin(across * 2 * torch.pi / 10)).expand(1, 3, -1, -1)


@pytest.mark.parametrize(
    ("degrees", "doubled"), [(0, (1, 0)), (90, (-1, 0)), (45, (0, -1)), (135, (0, 1)), (180, (1, 0))]
)
def test_directions_are_doubled_angles(degrees: float, doubled: tuple[float, float]) -> None:
    angles, slopes = directions(lines(degrees))
    assert angles.shape == (1, 2, SIZE // 8, SIZE // 8)
    assert slopes.shape == (1, 1, SIZE // 8, SIZE // 8)
    inner = angles[0, :, 2:-2, 2:-2].mean((1, 2))
    torch.testing.assert_close(inner, torch.tensor(doubled, dtype=torch.float32), atol=0.06, rtol=0)


def test_where_nothing_is_painted_there_is_no_direction() -> None:
    angles, slopes = directions(EVEN)
    assert not angles.any()
    assert not slopes.any()


def test_brushes_of_paintings() -> None:
    (lying,) = brush_of(lines(0))
    assert lying[0].item() == pytest.approx(1, abs=0.02)
    assert lying[1].item() == pytest.approx(0, abs=0.05)
    grid = torch.cat([lines(0), lines(90)], dim=3)
    assert brush_of(grid)[0, 1].item() < 0.2
    swirling = streaks(white_noise(3, 1, 128)[0], field(FLOW, 128, 4), 4)
    swirling = torch.from_numpy(0.5 + 0.2 * swirling / swirling.std()).float().expand(1, 3, -1, -1)
    swirling = torch.nn.functional.interpolate(swirling, scale_factor=4, mode="bilinear")
    parallel, free = brush_of(swirling)[0].tolist()
    assert parallel > 0.5
    assert free > 0.5


def test_strokes_along_the_flow_are_right_and_others_count() -> None:
    along, across, askew = (brush_error(lines(degrees), EVEN, FREE, LYING).item() for degrees in (0, 90, 45))
    assert along == pytest.approx((1 - MOST) ** 2, abs=0.02)
    assert askew == pytest.approx(MOST**2, abs=0.02)
    assert across > 2 * askew


@pytest.mark.parametrize(("parallel", "aim"), [(0.1, 0), (LEAST, 0), (LEAST + 0.1, SLOPE / 10), (0.9, MOST)])
def test_how_far_a_painting_s_strokes_are_to_follow(parallel: float, aim: float) -> None:
    brush = torch.tensor([[parallel, 1.0]])
    assert brush_error(lines(45), EVEN, brush, LYING).item() == pytest.approx(aim**2, abs=0.01)
    assert brush_error(lines(0), EVEN, brush, LYING).item() == pytest.approx((1 - aim) ** 2, abs=0.02)


def test_a_grid_is_not_to_follow_the_flow() -> None:
    assert brush_error(lines(45), EVEN, BOUND, LYING).item() == pytest.approx(0, abs=0.02)
    assert brush_error(lines(0), EVEN, BOUND, LYING).item() > 0.5


def test_where_the_photograph_has_contours_they_lead() -> None:
    assert brush_error(lines(90), lines(90), FREE, LYING).item() < 0.05


def test_each_image_has_its_painting_s_coherence() -> None:
    images = torch.cat([lines(90), lines(90)])
    brushes = torch.tensor([[0.8, 1.0], [0.2, 1.0]])  # both far from following
    errors = brush_error(images, EVEN.expand(2, -1, -1, -1), brushes, LYING)
    assert errors[0].item() > 1.2 * errors[1].item()


def test_streaks_of_the_noise_follow_their_flow() -> None:
    """The flow that the loss asks for is the one that the network is given."""
    found = streaks(white_noise(3, 1, 2 * SIDE)[0], field(FLOW, 2 * SIDE, 4), 4)
    image = torch.from_numpy(0.5 + 0.2 * found / found.std()).float().expand(1, 3, -1, -1)
    image = torch.nn.functional.interpolate(image, scale_factor=4, mode="bilinear")
    angles = directions(image)[0]
    flow = flow_angles()
    assert flow.shape == (2, SIDE, SIDE)
    torch.testing.assert_close(flow.square().sum(0), torch.ones(SIDE, SIDE))
    assert (angles[0] * flow).sum(0).mean().item() > 0.5


def test_the_flow_is_that_of_the_noise_under_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network's noise begins at the corner of the margin, the image behind it."""
    network = ConditionalTransformer(quarter=4, eighth=4, half=4, blocks=1)
    noise = network.down_noise
    numbered = torch.arange(1.0, SIDE * SIDE + 1).reshape(1, SIDE, SIDE)
    noise.take(numbered.expand(1, noise.tile_channels, -1, -1))
    torch.nn.init.zeros_(noise.weight)
    noise.weight.data[0, 0] = 1.0
    laid_noise: list[torch.Tensor] = []
    hook = noise.register_forward_hook(lambda _, inputs, output: laid_noise.append(output[0, :1]))
    offset, photographs = (SIDE - 3, 17), torch.rand(1, 3, 48, 64)
    with torch.no_grad():
        network(photographs, network.neutral_style(), offset)
    hook.remove()
    asked: list[torch.Tensor] = []
    monkeypatch.setattr(brush, "flow_angles", lambda: numbered)
    monkeypatch.setattr(brush, "brush_error", lambda *given: asked.append(given[-1]) or torch.zeros(1))
    loss = brush.BrushLoss([photographs], torch.device("cpu"))
    loss(photographs, photographs, torch.tensor([0]), None, offset)
    margin = MARGIN // STRIDE
    assert torch.equal(asked[0], laid_noise[0][:, margin:-margin, margin:-margin])


def test_its_slope_turns_strokes_towards_the_flow() -> None:
    image = lines(30).clone().requires_grad_()
    before = brush_error(image, EVEN, FREE, LYING)
    before.sum().backward()  # type: ignore[no-untyped-call]
    assert image.grad is not None
    after = brush_error((image - 20 * image.grad).detach(), EVEN, FREE, LYING)
    assert after.item() < before.item()


@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_it_is_a_term_only_where_it_has_a_weight(
    world: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, weight: float
) -> None:
    recipe = ConditionalRecipe(conditional_settings(brush_weight=weight), cpu, lambda _: None)
    terms = recipe.losses(1, recipe.batch(1))
    assert ("brush" in terms) == bool(weight)
    if weight:
        assert terms["brush"].item() > 0
