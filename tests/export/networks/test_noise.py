"""Fixed noise: the same everywhere, seamless, and a way to fill even areas without a period."""

import numpy as np
import torch
from nst_export.networks.conditional_network import GRAIN, SWELLS, ConditionalTransformer
from nst_export.networks.noise import (
    EXTENT,
    LEVELS,
    FixedNoise,
    laid,
    noise_channels,
    noise_tile,
    take_tiles,
)

SIDE = EXTENT // 8


def test_the_tile_is_always_the_same() -> None:
    # Other values would make every trained network paint otherwise.
    np.testing.assert_allclose(
        noise_tile(SWELLS, 8, 7)[0, [0, 5, 10, 13, 15], 3, 60], [-1.0625, -1.75, -0.6875, 1.25, 0.1875], atol=1e-3
    )
    np.testing.assert_allclose(
        noise_tile(GRAIN, 4, 8)[0, [0, 3, 5, 7], 3, 100], [0.125, -0.0625, -0.8125, 1.0625], atol=1e-3
    )


def test_every_channel_has_about_mean_0_and_deviation_1_in_whole_steps() -> None:
    tile = noise_tile(SWELLS, 8, 7)
    assert tile.shape == (1, noise_channels(SWELLS), SIDE, SIDE)
    np.testing.assert_allclose(tile.mean((2, 3)), 0, atol=5e-3)
    np.testing.assert_allclose(tile.std((2, 3)), 1, atol=5e-3)
    levels = tile * LEVELS
    assert np.array_equal(levels, levels.astype(np.int8))


def test_the_borders_join() -> None:
    tile = torch.from_numpy(noise_tile(SWELLS, 8, 7).copy())[0, 11]  # the smoothest
    wall = laid(tile, (3 * SIDE, 3 * SIDE)).numpy()
    for axis in (0, 1):
        assert np.abs(np.diff(wall, axis=axis)).max() <= 1.5 * np.abs(np.diff(tile.numpy(), axis=axis)).max()


def test_tiles_are_laid_as_bricks() -> None:
    torch.manual_seed(0)
    noise = FixedNoise(4, (0.0, 2.0), pixels=8, seed=1).eval()
    gains, half = torch.rand(1, noise.tile_channels), SIDE // 2
    wide = noise((2 * SIDE + 9, 3 * SIDE), gains)
    torch.testing.assert_close(wide[:, :, SIDE:], wide[:, :, :-SIDE])
    torch.testing.assert_close(wide[:, :, half:, SIDE:], wide[:, :, :-half, :-SIDE])
    beside = torch.stack([wide[0, :, :half, :SIDE].flatten(), wide[0, :, :half, SIDE : 2 * SIDE].flatten()])
    assert abs(torch.corrcoef(beside)[0, 1]) < 0.1


def test_a_network_takes_the_noise_that_its_weights_came_with() -> None:
    network = ConditionalTransformer(quarter=4, eighth=4, half=4, blocks=1)
    own = network.down_noise.tile
    state = {"up_quarter_noise.tile": torch.rand(1, network.up_quarter_noise.tile_channels, 48, 48)}
    take_tiles(network, state)
    assert network.down_noise.tile is own
    assert torch.equal(network.up_quarter_noise.tile, state["up_quarter_noise.tile"])
    elsewhere = FixedNoise(4, (0.0,), pixels=8, seed=1).to("meta")
    elsewhere.take(torch.rand(1, elsewhere.tile_channels, 48, 48))
    assert elsewhere.tile.device == elsewhere.weight.device  # taken after the network was placed


def test_it_begins_where_it_is_told() -> None:
    torch.manual_seed(0)
    noise = FixedNoise(4, (0.0, 2.0), pixels=8, seed=1).eval()
    gains = torch.rand(1, noise.tile_channels)
    for down, right in ((3, 60), (100, 126)):
        begun = noise((5, 6), gains, (down, right))
        torch.testing.assert_close(begun, noise((2 * SIDE, 2 * SIDE), gains)[:, :, down : down + 5, right : right + 6])


def test_every_style_takes_what_it_wants_of_the_noise() -> None:
    torch.manual_seed(0)
    noise = FixedNoise(4, (0.0, 2.0), pixels=8, seed=1).eval()
    gains = torch.ones(3, noise.tile_channels)
    gains[1, 3:] = 0
    gains[2] *= 2
    whole, part, louder = noise((20, 30), gains)
    torch.testing.assert_close(louder, 2 * whole)
    mixed = noise.weight[:, :3, 0, 0] @ noise.tile[0, :3, :20, :30].flatten(1)
    torch.testing.assert_close(part.flatten(1), mixed)


def test_an_even_photograph_is_not_painted_with_one_period() -> None:
    torch.manual_seed(0)
    network = ConditionalTransformer(quarter=4, eighth=8, half=4, blocks=1).eval()
    even = torch.full((1, 3, 128, 128), 0.5)
    with torch.no_grad():
        painted = network(even, network.neutral_style())
        network.down_noise.weight.zero_()
        network.up_quarter_noise.weight.zero_()
        silent = network(even, network.neutral_style())

    def repeats(image: torch.Tensor) -> bool:
        inner = image[..., 32:96, 32:96]
        return bool(torch.allclose(inner[..., 8:, :], inner[..., :-8, :], atol=1e-3))

    assert repeats(silent)
    assert not repeats(painted)
