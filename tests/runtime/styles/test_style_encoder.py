"""The style encoder keeps the vectors it has read, as long as the painting stays what it was."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from nst_rt.engine.session import Session
from nst_rt.errors import InputError
from nst_rt.styles import style_encoder
from nst_rt.styles.color_matching import ColorMatching
from nst_rt.styles.style_encoder import KEPT, StyleEncoder


@pytest.fixture
def encoder(tinting: Path) -> StyleEncoder:
    return StyleEncoder(tinting.with_name("tinting.encoder.onnx"), threads=1)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that have been read."""
    paths: list[Path] = []
    reading = style_encoder.read_image

    def noticed(path: Path) -> object:
        paths.append(path)
        return reading(path)

    monkeypatch.setattr(style_encoder, "read_image", noticed)
    return paths


def paint(path: Path, color: tuple[int, int, int], changed: int) -> Path:
    cv2.imwrite(str(path), np.full((40, 50, 3), color, np.uint8))
    os.utime(path, ns=(changed, changed))
    return path


def test_a_painting_is_read_once_and_again_when_it_changes(
    encoder: StyleEncoder, read: list[Path], tmp_path: Path
) -> None:
    path = paint(tmp_path / "one.png", (20, 40, 60), 1_000_000_000)
    first = encoder(path)
    first[:] = 0  # the caller's own
    second = encoder(path)
    assert second.any()
    assert len(read) == 1
    changed = encoder(paint(path, (200, 40, 60), 2_000_000_000))
    assert len(read) == 2
    assert not np.allclose(second, changed)
    path.unlink()
    with pytest.raises(InputError):
        encoder(path)


def test_other_colours_are_another_vector(encoder: StyleEncoder, read: list[Path], tmp_path: Path) -> None:
    path = paint(tmp_path / "one.png", (20, 40, 60), 1_000_000_000)
    plain = encoder(path)
    matching = ColorMatching.to_image(np.full((30, 30, 3), (200, 10, 10), np.uint8), "cholesky")
    matched = encoder(path, matching)
    assert not np.allclose(plain, matched)
    np.testing.assert_array_equal(encoder(path, matching), matched)
    np.testing.assert_array_equal(encoder(path), plain)
    assert len(read) == 3


def test_what_is_kept_is_bounded(encoder: StyleEncoder, read: list[Path], tmp_path: Path) -> None:
    paths = [paint(tmp_path / f"{n}.png", (n, 40, 60), 1_000_000_000) for n in range(KEPT + 1)]
    for path in [*paths, paths[0]]:
        encoder(path)
    assert len(read) == KEPT + 2


@pytest.mark.parametrize(("threads", "wanted"), [(None, 6), (2, 2)])
def test_it_takes_the_cores_that_this_process_may_use(
    threads: int | None, wanted: int, tinting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int | None] = []

    class Told(Session):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            taken.append(options["threads"])
            super().__init__(*arguments, **options)

    monkeypatch.setattr(style_encoder, "Session", Told)
    monkeypatch.setattr(style_encoder, "counted_cores", lambda: 6)
    StyleEncoder(tinting.with_name("tinting.encoder.onnx"), threads=threads)
    assert taken == [wanted]
