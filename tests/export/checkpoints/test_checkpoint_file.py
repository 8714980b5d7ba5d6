"""Checkpoint files that are not what they should be."""

import hashlib
import importlib.util
import os
import pickle

import numpy as np
import pytest
import torch
from nst_export.checkpoints.checkpoint_file import read_checkpoint
from nst_rt.errors import DependencyError, InputError, ModelError
from nst_rt.media.images.image_writer import write_image
from torch import nn


def test_missing_and_empty(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_checkpoint(tmp_path / "none.pth")
    with pytest.raises(InputError, match="is a folder"):
        read_checkpoint(tmp_path)
    (tmp_path / "empty.pth").touch()
    with pytest.raises(InputError, match="empty"):
        read_checkpoint(tmp_path / "empty.pth")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_truncated(tmp_path, legacy, share):
    path = tmp_path / "net.pth"
    torch.save(
        {f"layer{index}": torch.randn(20, 20) for index in range(9)}, path, _use_new_zipfile_serialization=not legacy
    )
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match="Download or copy it again"):
        read_checkpoint(path)


def test_not_a_checkpoint_at_all(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(InputError, match="Git LFS"):
        read_checkpoint(tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(b"hello, I am a text " * 50)
    with pytest.raises(InputError, match=r"b\.pth: a text file, not a checkpoint"):
        read_checkpoint(tmp_path / "b.pth")
    (tmp_path / "c.pth").write_text("1 2 3\n" + "ä" * 999)
    with pytest.raises(InputError, match="a text file"):
        read_checkpoint(tmp_path / "c.pth")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tiff"])
def test_a_image_is_no_checkpoint_and_no_pickle(tmp_path, suffix):
    path = tmp_path / f"photo{suffix}"
    write_image(path, np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8))
    with pytest.raises(InputError, match=r"an image, not a checkpoint\. Give") as refused:
        read_checkpoint(path)
    assert "weights_only" not in str(refused.value)


@pytest.mark.parametrize("data", [b"GIF89a\0\xff" * 9, b"\x08\x0a\x12\x07pytorch" * 9, b"\0" * 600, b"\xff"])
def test_neither_an_archive_nor_a_pickle(tmp_path, data):
    (tmp_path / "x.pth").write_bytes(data)
    with pytest.raises(InputError, match=r"a file of another kind, not a checkpoint"):
        read_checkpoint(tmp_path / "x.pth")


@pytest.mark.parametrize("data", [b"\x80\x02garbage\xff" * 20, b"\x80\x02" + b"\xff" * 99, b"PK\x03\x04" + b"\0" * 99])
def test_bytes_without_sense_are_not_taken_for_objects(tmp_path, data):
    (tmp_path / "x.pth").write_bytes(data)
    with pytest.raises(InputError, match=r"damaged or truncated .*Download or copy it again") as refused:
        read_checkpoint(tmp_path / "x.pth")
    assert "weights_only" not in str(refused.value)


def test_code_that_torch_blocks_is_told_as_objects(tmp_path):
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(os.system, protocol=2))
    with pytest.raises(InputError, match="holds pickled Python objects"):
        read_checkpoint(tmp_path / "evil.pth")


def test_pickled_objects_are_not_run(tmp_path):
    torch.save(nn.Conv2d(1, 1, 1), tmp_path / "whole.pth")
    with pytest.raises(InputError, match=r"pickled Python objects.*state_dict"):
        read_checkpoint(tmp_path / "whole.pth")
    np.savez(tmp_path / "objects.npz", weights=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="plain arrays"):
        read_checkpoint(tmp_path / "objects.npz")


def test_npz(tmp_path):
    np.savez(tmp_path / "net.npz", **{"a.weight": np.arange(6, dtype=np.float64).reshape(2, 3)})
    checkpoint = read_checkpoint(tmp_path / "net.npz")
    assert checkpoint.tensors["a.weight"].dtype == torch.float32
    assert checkpoint.sha256 == hashlib.sha256((tmp_path / "net.npz").read_bytes()).hexdigest()
    data = (tmp_path / "net.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="truncated"):
        read_checkpoint(tmp_path / "cut.npz")


def test_no_tensors(tmp_path):
    torch.save({"epoch": 3, "note": "later"}, tmp_path / "a.pth")
    with pytest.raises(ModelError, match=r"no tensors \(found \['epoch', 'note'\]\)"):
        read_checkpoint(tmp_path / "a.pth")
    torch.save([torch.zeros(2)], tmp_path / "b.pth")
    with pytest.raises(ModelError, match="found list"):
        read_checkpoint(tmp_path / "b.pth")


def test_safetensors(tmp_path):
    (tmp_path / "net.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0nonsense")
    installed = importlib.util.find_spec("safetensors") is not None
    with pytest.raises(InputError if installed else DependencyError, match=r"net\.safetensors"):
        read_checkpoint(tmp_path / "net.safetensors")
    if installed:
        from safetensors.torch import save_file

        save_file({"a": torch.ones(2)}, tmp_path / "net.safetensors")
        assert torch.equal(read_checkpoint(tmp_path / "net.safetensors").tensors["a"], torch.ones(2))
