"""Losses, and the networks that they are taken from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from nst_rt.errors import InputError, ModelError
from nst_train.loop.schedule import learning_rate
from nst_train.perceptual import losses
from nst_train.perceptual.loss_network import find_loss_network, load_loss_network
from nst_train.perceptual.stability import disturb, stability_error


def image(seed: int = 0, count: int = 2, side: int = 64) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_gram_matrices_are_means_over_positions() -> None:
    features = torch.tensor([[[[1.0, 3.0]], [[2.0, 0.0]]]])
    assert losses.gram_matrix(features).tolist() == [[[5.0, 1.0], [1.0, 2.0]]]
    assert losses.relative_gram_error(torch.zeros(1, 2, 2), torch.eye(2)[None]).item() == 1.0


def test_a_pyramid_halves_and_averages() -> None:
    levels = losses.pyramid(image(), 3)
    assert [level.shape[-1] for level in levels] == [64, 32, 16]
    torch.testing.assert_close(levels[2].mean(), levels[0].mean())


def test_statistics() -> None:
    mean, deviation = losses.statistics(torch.tensor([[[[1.0, 3.0]]]]))
    assert mean.item() == 2.0
    assert deviation.item() == pytest.approx(1.0, abs=1e-4)
    found = {"a": image(0), "b": image(1)}
    assert losses.statistics_error(found, found).item() == 0.0
    other = {"a": found["a"], "b": 2 * found["b"] + 1}
    assert losses.statistics_error(found, other).item() > 0.1


def test_out_of_range_and_variation() -> None:
    flat = torch.full((1, 3, 4, 4), 1.5)
    assert losses.out_of_range(flat).item() == pytest.approx(0.25)
    assert losses.total_variation(flat).item() == 0.0
    stripes = flat.clone()
    stripes[..., ::2] = 0.5
    assert losses.total_variation(stripes).item() > 0.1


def test_stability_asks_for_nothing_from_what_moves_along() -> None:
    photographs = image()
    rng = torch.Generator().manual_seed(1)
    disturbed = disturb(photographs, rng)
    assert disturbed.photographs.shape == photographs.shape
    assert max(map(abs, disturbed.shift)) <= 8
    # Apart from the noise, the image itself is the perfect answer; standing still is not.
    moving = stability_error(photographs, disturbed.photographs, disturbed)
    assert (moving < 1e-3).all()
    assert (stability_error(photographs, photographs, disturbed) > 10 * moving).all()


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [learning_rate(step, 100, 10) for step in range(120)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1, abs=0.05)
    assert rates[50] == pytest.approx(0.5, abs=0.01)
    assert rates[100] == rates[119] == 0.01
    assert learning_rate(0, 100, 0) == 1.0


def test_layouts_of_loss_networks(world: Path, tmp_path: Path) -> None:
    caffe = load_loss_network(world / "vgg.npz")
    assert caffe.layers == ["relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1"]
    found = caffe(image(), ["relu1_1", "relu3_1"])
    assert found["relu1_1"].shape == (2, 4, 64, 64)
    assert found["relu3_1"].shape == (2, 4, 16, 16)

    places = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    torchvision = {f"features.{n}.weight": torch.rand(2, 2 if n else 3, 3, 3) for n in places}
    torchvision |= {f"features.{n}.bias": torch.zeros(2) for n in places}
    torch.save(torchvision | {"classifier.0.weight": torch.zeros(1, 1)}, tmp_path / "vgg16.pth")
    vgg16 = load_loss_network(tmp_path / "vgg16.pth")
    assert vgg16.name == "torchvision-vgg16"
    assert vgg16.layers[-1] == "relu5_3"
    deep = ["relu1_2", "relu5_1"]
    least = vgg16.least_side(deep)
    assert vgg16(torch.rand(1, 3, least, least), deep)["relu5_1"].shape[2:] == (2, 2)
    with pytest.raises(RuntimeError):
        vgg16(torch.rand(1, 3, least - 1, least - 1), deep)
    gray = torch.tensor([0.485, 0.456, 0.406])[None, :, None, None].expand(1, 3, 16, 16)
    assert vgg16(gray, ["relu1_1"])["relu1_1"].abs().max() < 1e-5  # the mean colour becomes zero

    arrays = {"conv0.weight": np.eye(3)[:, :, None, None], "conv0.bias": np.zeros(3)}
    arrays |= {"conv11.weight": np.ones((2, 3, 3, 3)), "conv11.bias": np.zeros(2)}
    np.savez(tmp_path / "small.npz", **{key: array.astype(np.float32) for key, array in arrays.items()})
    small = load_loss_network(tmp_path / "small.npz")
    # Reflection padding: a flat image stays flat up to the border.
    assert small(torch.ones(1, 3, 16, 16), ["relu1_1"])["relu1_1"].std() == 0


def test_bfloat16_keeps_the_preprocessing_exact(world: Path) -> None:
    exact = load_loss_network(world / "vgg.npz")
    half = exact.computing_in(torch.bfloat16)
    assert half.preprocess_bias.dtype == torch.float32
    found = half(image(), ["relu3_1"])["relu3_1"]
    assert found.dtype == torch.bfloat16
    assert exact.relu1_1_weight.dtype == torch.float32
    wanted = exact(image(), ["relu3_1"])["relu3_1"]
    assert (found.float() - wanted).abs().mean() < 0.02 * wanted.abs().mean()


def test_wrong_loss_networks(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"encoder\.pth: not a loss network.*Known"):
        load_loss_network(world / "encoder.pth")
    torch.save({"features.0.weight": torch.zeros(1, 3, 3, 3)}, tmp_path / "one.pth")
    with pytest.raises(ModelError, match="neither VGG-16"):
        load_loss_network(tmp_path / "one.pth")
    np.savez(tmp_path / "odd.npz", **{"conv1_1.weight": np.zeros((4, 5, 3, 3)), "conv1_1.bias": np.zeros(4)})
    with pytest.raises(ModelError, match="not a loss network"):
        load_loss_network(tmp_path / "odd.npz")
    with pytest.raises(InputError, match="no such loss network file"):
        find_loss_network(tmp_path / "none.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    with pytest.raises(InputError, match=r"vgg19-dcbb9e9d\.pth.*--loss-network"):
        find_loss_network(None)
    cached = tmp_path / "hub" / "checkpoints" / "vgg16-397923af.pth"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"")
    assert find_loss_network(None) == cached


def test_content_is_relative_to_the_photograph_or_to_the_mean_of_its_batch() -> None:
    wanted = torch.tensor([1.0, 3.0]).sqrt()[:, None, None, None].expand(2, 1, 4, 4)  # energies 1 and 3, mean 2
    found = wanted + 1
    assert losses.content_error(found, wanted).tolist() == pytest.approx([1 / 2, 1 / 3])
    assert losses.content_error(found[:1], wanted[:1]).tolist() == pytest.approx([1])
