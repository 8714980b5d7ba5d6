"""Streaks run along their field, which is the same at every fineness and joins at the borders."""

import numpy as np
import torch
from nst_export.networks.flow_field import FLOW, Flow, field, from_waves, streaks, to_waves, waves, white_noise
from nst_export.networks.noise import laid

ACROSS_THE_IMAGE = Flow(swell=40, drift=1e6, seed=1)
"""So strong a drift that nothing else is left."""


def change(image: np.ndarray, axis: int) -> float:
    return float(np.square(np.diff(image, axis=axis)).mean())


def test_streaks_are_long_along_the_field_and_short_across() -> None:
    noise = white_noise(3, 1, 64)[0]
    found = streaks(noise, field(ACROSS_THE_IMAGE, 64, 4), 4)
    assert change(found, axis=0) > 5 * change(found, axis=1)
    turned = streaks(noise, field(ACROSS_THE_IMAGE, 64, 4)[::-1].copy(), 4)
    assert change(turned, axis=1) > 5 * change(turned, axis=0)


def test_it_is_the_same_field_at_every_fineness() -> None:
    coarse, fine = field(FLOW, 64, 8), field(FLOW, 128, 4)
    np.testing.assert_allclose(fine[:, ::2, ::2], coarse, atol=1e-9)


def test_it_swirls_about_its_drift() -> None:
    along = field(FLOW, 64, 8)
    np.testing.assert_allclose(along.mean((1, 2)), [0, FLOW.drift], atol=1e-6)
    along[1] -= FLOW.drift
    np.testing.assert_allclose(np.square(along).sum(0).mean(), 1)
    assert np.square(along[0]).mean() > 0.3
    assert np.square(along[1]).mean() > 0.3


def test_nothing_piles_up_anywhere() -> None:
    """A field without sources: lines of it never end, so that streaks do not either."""
    down, right = field(FLOW, 128, 4)
    down_waves, across_waves = waves(128)
    sources = from_waves(2j * np.pi / 128 * (to_waves(down) * down_waves + to_waves(right) * across_waves))
    assert np.abs(sources).max() < 1e-6


def begun_at(fields: np.ndarray, down: int, right: int) -> np.ndarray:
    return laid(torch.from_numpy(fields), fields.shape[-2:], (down, right)).numpy()


def test_no_place_knows_where_the_border_is() -> None:
    noise, along = white_noise(3, 1, 64)[0], field(FLOW, 64, 8)
    moved = streaks(begun_at(noise, 20, 40), begun_at(along, 20, 40), 8)
    np.testing.assert_allclose(moved, begun_at(streaks(noise, along, 8), 20, 40), atol=1e-9)


def test_waves_are_those_of_the_fields() -> None:
    fields = white_noise(1, 2, 8)
    np.testing.assert_allclose(from_waves(to_waves(fields)), fields, atol=1e-12)
    down, across = waves(8)
    rows, columns = np.mgrid[:8, :8]
    wave = np.cos(2 * np.pi * (down[1, 0] * rows + across[1, 2] * columns) / 8)
    found = np.abs(to_waves(wave))
    assert found[1, 2] > 1
    assert np.count_nonzero(found > 1e-9) == 2  # and the one that runs the other way
