"""Folders, crops, paintings, reading ahead."""

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from nst_rt.errors import InputError
from nst_train.data.crops import as_batch, close_up, crops_at, random_crop
from nst_train.data.images import ImageFolder, list_images, resize_long_side
from nst_train.data.paintings import PaintingCrops, painting_crop, turn_hues, with_palette_of
from nst_train.data.read_ahead import read_ahead


def folder_of(world: Path, notes: Any, name: str = "photographs", short_side: int = 1000) -> ImageFolder:
    return ImageFolder(world / name, short_side, notes.note)


def test_batches_depend_on_seed_and_step_alone(world: Path, notes: Any) -> None:
    one, other = folder_of(world, notes), folder_of(world, notes)
    first = crops_at(one, 7, 3, 32, seed=1)
    assert first.shape == (3, 3, 32, 32)
    assert first.dtype == torch.uint8
    crops_at(other, 3, 3, 32, seed=1)
    assert torch.equal(first, crops_at(other, 7, 3, 32, seed=1))
    assert not torch.equal(first, crops_at(other, 8, 3, 32, seed=1))
    assert not torch.equal(first, crops_at(other, 7, 3, 32, seed=2))


def test_broken_images_are_skipped_with_one_notice(tmp_path: Path, world: Path, notes: Any) -> None:
    for name in ("0.png", "1.png"):
        (tmp_path / name).write_bytes((world / "photographs" / name).read_bytes())
    (tmp_path / "0.png").write_bytes(b"not an image")
    folder = folder_of(tmp_path, notes, ".")
    assert np.array_equal(folder.image(0), folder.image(1))
    folder.image(0)
    assert len(notes.texts) == 1
    assert "0.png" in notes.texts[0]
    (tmp_path / "1.png").write_bytes(b"")
    with pytest.raises(InputError, match="none of its 2 images can be read"):
        folder_of(tmp_path, notes, ".").image(0)


def test_folders(tmp_path: Path, world: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        list_images(tmp_path / "nowhere")
    with pytest.raises(InputError, match="a file, not a folder"):
        list_images(world / "gogh.png")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    with pytest.raises(InputError, match="no images in it"):
        list_images(tmp_path)
    (tmp_path / "deep" / "er" / "a.jpg").write_bytes(b"x")
    assert [path.name for path in list_images(tmp_path)] == ["a.jpg"]


def test_large_images_are_reduced_and_kept(world: Path, notes: Any) -> None:
    folder = folder_of(world, notes, short_side=32)
    assert folder.image(0).shape == (32, 40, 3)
    assert folder.image(0) is folder.image(0)


def test_the_description_notices_other_data(tmp_path: Path, world: Path, notes: Any) -> None:
    before = folder_of(world, notes).describe()
    for path in (world / "photographs").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert folder_of(tmp_path, notes, ".").describe()["sha256"] == before["sha256"]
    with (tmp_path / "0.png").open("ab") as file:
        file.write(b"x")
    assert folder_of(tmp_path, notes, ".").describe()["sha256"] != before["sha256"]


def test_close_ups_show_little() -> None:
    ramp = np.repeat(np.arange(96, dtype=np.uint8)[:, None, None], 80, axis=1).repeat(3, axis=2)
    near = close_up(ramp, 48, np.random.default_rng(0))
    assert near.shape == (48, 48, 3)
    assert int(near.max()) - int(near.min()) <= 48 / 2


def test_runs_without_close_ups_see_what_they_always_saw(world: Path, notes: Any) -> None:
    folder = folder_of(world, notes)
    random = np.random.default_rng((1, 5))
    chosen = random.integers(0, len(folder), 3)
    expected = as_batch([random_crop(folder.image(int(index)), 32, random) for index in chosen])
    assert torch.equal(crops_at(folder, 5, 3, 32, 1), expected)
    assert not torch.equal(crops_at(folder, 5, 3, 32, 1, close_ups=1.0), expected)


def test_crops_of_images_smaller_than_themselves() -> None:
    image = np.full((10, 200, 3), 9, np.uint8)
    assert random_crop(image, 32, np.random.default_rng(0)).shape == (32, 32, 3)
    assert painting_crop(image, 64, 32, np.random.default_rng(0)).shape == (32, 32, 3)


def test_the_long_side_decides() -> None:
    assert resize_long_side(np.zeros((50, 100, 3), np.uint8), 640).shape == (320, 640, 3)
    assert resize_long_side(np.zeros((1000, 10, 3), np.uint8), 100).shape == (100, 64, 3)


def test_painting_crops_are_varied_and_repeatable(world: Path, notes: Any) -> None:
    def make(share: float) -> PaintingCrops:
        return PaintingCrops(
            folder_of(world, notes, "paintings"),
            folder_of(world, notes),
            side=96,
            size=64,
            seed=5,
            photograph_share=share,
        )

    crops = make(0.0).at(0, 8)
    assert crops.shape == (8, 3, 64, 64)
    assert torch.equal(crops, make(0.0).at(0, 8))
    assert not torch.equal(crops, make(0.0).at(1, 8))
    assert not torch.equal(crops, make(1.0).at(0, 8))


def test_a_palette_changes_hands(world: Path) -> None:
    one, other = (cv2.imread(str(world / f"{name}.png"))[..., ::-1].copy() for name in ("gogh", "wave"))
    moved = with_palette_of(one, other)
    assert moved.shape == one.shape
    assert np.abs(moved.mean((0, 1)) - other.mean((0, 1))).max() < 20
    assert np.abs(moved.mean((0, 1)) - other.mean((0, 1))).max() < np.abs(one.mean((0, 1)) - other.mean((0, 1))).max()


def test_hues_turn_around() -> None:
    red = np.full((4, 4, 3), (200, 0, 0), np.uint8)
    assert turn_hues(red, 120)[0, 0].tolist() == [0, 200, 0]
    assert turn_hues(red, -120)[0, 0].tolist() == [0, 0, 200]


def test_reading_ahead_keeps_the_order_and_hands_errors_over() -> None:
    release = threading.Event()

    def make(step: int) -> int:
        if step == 0:
            release.wait(5)  # the first one is the last to be ready
        else:
            release.set()
        if step == 6:
            raise InputError("gone")
        return step

    batches = read_ahead(make, 0, 10, workers=3)
    assert [next(batches) for _ in range(6)] == list(range(6))
    with pytest.raises(InputError, match="gone"):
        next(batches)


def test_reading_ahead_stops_when_nobody_listens() -> None:
    made: list[int] = []
    batches = read_ahead(lambda step: made.append(step) or step, 0, 1000, workers=2)
    assert next(batches) == 0
    batches.close()
    assert len(made) < 10
