"""torchvision's networks by name, without a network."""

import urllib.error
from pathlib import Path
from typing import Any

import pytest
import torch
from nst_rt.errors import InputError
from nst_train.perceptual.loss_network_download import obtain_loss_network


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def test_a_file_and_the_cache(cache: Path, tmp_path: Path) -> None:
    def forbidden(text: str) -> None:
        raise AssertionError(text)

    given = tmp_path / "mine.npz"
    given.touch()
    assert obtain_loss_network(str(given), forbidden) == given
    cache.mkdir(parents=True)
    (cache / "vgg16-397923af.pth").touch()
    assert obtain_loss_network(None, forbidden).name == "vgg16-397923af.pth"
    assert obtain_loss_network("vgg16", forbidden).name == "vgg16-397923af.pth"
    with pytest.raises(InputError, match="vgg13: no such loss network"):
        obtain_loss_network("vgg13", forbidden)


def test_downloads_are_checked(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def download(url: str, to: str, **options: Any) -> None:
        asked.update(options, url=url)
        Path(to).touch()

    notes: list[str] = []
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    assert obtain_loss_network("vgg19", notes.append) == cache / "vgg19-dcbb9e9d.pth"
    assert asked["url"] == "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
    assert asked["hash_prefix"] == "dcbb9e9d"
    assert notes[0].startswith("downloading https://download.pytorch.org")


@pytest.mark.parametrize("error", [urllib.error.URLError("no route"), RuntimeError("invalid hash value")])
def test_downloads_that_fail(cache: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def download(*arguments: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(InputError, match=r"cannot be downloaded \(.*(no route|invalid hash).*--loss-network"):
        obtain_loss_network(None, lambda text: None)
