"""Images optimised against a tiny loss network."""

import numpy as np
import pytest
from nst_rt.errors import InputError, ModelError, StyleError
from nst_train.loop.hardware import Hardware
from nst_train.optimization.transfer import Transferred, TransferSettings, share_steps, transfer
from nst_train.perceptual.loss_network import LossNetwork

Rgb = np.ndarray
QUICK = {"content_layer": "relu2_1", "style_layers": ("relu1_1", "relu2_1"), "scales": 2, "steps": 12}


@pytest.fixture
def optimised(network: LossNetwork, cpu: Hardware, photograph: Rgb, painting: Rgb):
    """Optimise the photograph; keywords are settings, or arguments of `transfer` where it has them."""

    def run(**changes: object) -> Transferred:
        names = ("begin_with", "progress", "wants_stop")
        arguments = {name: changes.pop(name) for name in names if name in changes}
        styles = changes.pop("styles", [(painting, 1.0)])
        settings = TransferSettings(**(QUICK | changes))  # type: ignore[arg-type]
        return transfer(photograph, styles, network, settings, cpu, **arguments)  # type: ignore[arg-type]

    return run


@pytest.mark.parametrize("changes", [{}, {"style_loss": "statistics"}, {"optimizer": "adam"}, {"start": "noise"}])
def test_losses_fall(optimised, changes: dict[str, object]) -> None:
    done = optimised(**changes, steps=25, style_weight=100.0)
    assert (done.steps, done.stopped, len(done.losses)) == (25, "steps", 25)
    assert done.lowest == min(done.losses, key=lambda losses: losses["total"])
    assert done.lowest["total"] < 0.5 * done.losses[0]["total"]
    assert done.lowest["style"] < 0.5 * done.losses[0]["style"]


def test_the_first_step_measures_the_start(optimised, photograph: Rgb) -> None:
    done = optimised(steps=1)
    assert done.losses[0]["content"] == 0
    np.testing.assert_array_equal(done.image, photograph)
    total = 10 * done.losses[0]["style"] + 5 * done.losses[0]["variation"] + 20 * done.losses[0]["range"]
    assert done.losses[0]["total"] == pytest.approx(total, rel=1e-5)


def test_the_same_seed_repeats_to_the_byte(optimised) -> None:
    one, again, other = (optimised(start="noise", seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.image, again.image)
    assert one.losses == again.losses
    assert (one.image != other.image).any()


def test_a_given_image_is_where_it_starts(optimised, painting: Rgb) -> None:
    other = np.full((30, 40, 3), 90, np.uint8)
    done = optimised(begin_with=other, steps=1)
    assert done.image.shape == (48, 64, 3)
    assert (done.image == 90).all()


def test_coarse_to_fine(optimised) -> None:
    shapes: list[tuple[int, ...]] = []
    done = optimised(sizes=(32, 64), steps=9, progress=lambda step, losses, image: shapes.append(image().shape[:2]))
    assert shapes == [(24, 32)] * 6 + [(48, 64)] * 3
    assert done.image.shape == (48, 64, 3)
    # What the coarse size found is a better start than the photograph.
    assert done.losses[6]["style"] < 0.7 * done.losses[0]["style"]


@pytest.mark.parametrize(("steps", "sizes", "shares"), [(300, 1, [300]), (300, 2, [200, 100]), (2, 3, [1, 1, 1])])
def test_steps_are_shared_out(steps: int, sizes: int, shares: list[int]) -> None:
    assert share_steps(steps, sizes) == shares


def test_weights_say_whose_style_it_is(optimised, painting: Rgb) -> None:
    other = 255 - painting
    left_out = optimised(styles=[(painting, 2.0), (other, 0.0)])
    np.testing.assert_array_equal(left_out.image, optimised(styles=[(painting, 1.0)]).image)
    both = optimised(styles=[(painting, 3.0), (other, 1.0)], steps=1).losses[0]["style"]
    alone = [optimised(styles=[(one, 1.0)], steps=1).losses[0]["style"] for one in (painting, other)]
    assert both == pytest.approx(0.75 * alone[0] + 0.25 * alone[1], rel=1e-4)


def test_stopping_keeps_what_there_is(optimised) -> None:
    steps: list[int] = []
    done = optimised(
        progress=lambda step, losses, image: steps.append(step), wants_stop=lambda: len(steps) == 4, steps=40
    )
    assert (done.steps, done.stopped) == (4, "interrupted")
    np.testing.assert_array_equal(done.image, optimised(steps=4).image)


def test_losses_that_are_not_numbers_end_the_run(optimised, monkeypatch: pytest.MonkeyPatch) -> None:
    from nst_train.optimization.objective import Objective

    measure, calls = Objective.__call__, []

    def fails_at_six(self: Objective, image: object) -> object:
        calls.append(1)
        errors = measure(self, image)  # type: ignore[arg-type]
        return {**errors, "style": errors["style"] * float("nan")} if len(calls) == 6 else errors

    good = optimised(steps=5)
    calls.clear()
    monkeypatch.setattr(Objective, "__call__", fails_at_six)
    done = optimised(steps=40)
    assert (done.steps, done.stopped) == (5, "diverged")
    np.testing.assert_array_equal(done.image, good.image)
    calls[:] = [1] * 5
    with pytest.raises(InputError, match=r"not finite at the very start \(style nan"):
        optimised()


def test_a_perfect_start_converges(network: LossNetwork, cpu: Hardware) -> None:
    flat = np.full((48, 48, 3), 128, np.uint8)
    settings = TransferSettings(**QUICK)  # type: ignore[arg-type]
    done = transfer(flat, [(flat, 1.0)], network, settings, cpu)
    assert done.stopped == "converged"
    assert done.steps < 12
    np.testing.assert_array_equal(done.image, flat)


def test_errors(optimised, painting: Rgb) -> None:
    with pytest.raises(StyleError, match="at least one painting"):
        optimised(styles=[])
    with pytest.raises(StyleError, match="weights from 0 up"):
        optimised(styles=[(painting, -1.0), (painting, 2.0)])
    with pytest.raises(ModelError, match="no layer relu7_1; it has relu1_1"):
        optimised(style_layers=("relu7_1",))
