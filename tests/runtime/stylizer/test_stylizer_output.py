"""Results in memory that the caller gives."""

from pathlib import Path

import numpy as np
import pytest
from nst_rt import InputError, Stylizer
from nst_rt.engine.buffers import HostRunner
from tiny_models import tinting_model


def frame(height: int = 24, width: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_frame_and_a_batch(inverting: Path) -> None:
    stylizer = Stylizer.load(model=inverting)
    for photo in (frame(), np.stack([frame(seed=1), frame(seed=2)])):
        memory = np.zeros(photo.size + 8, np.uint8)
        out = memory[4:-4].reshape(photo.shape)  # at an odd place
        result = stylizer(photo, out=out)
        assert np.shares_memory(result, memory)
        assert np.array_equal(out, 255 - photo)
        assert memory[[0, 1, 2, 3, -4, -3, -2, -1]].tolist() == [0] * 8


def test_frames_that_are_not_contiguous(inverting: Path) -> None:
    flipped, out = frame()[:, ::-1], np.empty((24, 40, 3), np.uint8)
    Stylizer.load(model=inverting)(flipped, out=out)
    assert np.array_equal(out, 255 - flipped)


def test_a_style_for_each_frame(tmp_path: Path) -> None:
    stylizer = Stylizer.load(np.zeros(3, np.float32), model=tinting_model(tmp_path / "tinting.onnx"))
    batch, out = np.zeros((2, 16, 16, 3), np.uint8), np.empty((2, 16, 16, 3), np.uint8)
    vectors = np.array([[10, 20, 30], [40, 50, 60]], np.float32)
    result = stylizer(batch, vectors, out=out)
    assert np.shares_memory(result, out)
    assert out[:, 0, 0].tolist() == vectors.tolist()


@pytest.mark.parametrize(
    "out",
    [
        np.empty((24, 41, 3), np.uint8),
        np.empty((24, 40, 3), np.float32),
        np.empty((24, 80, 3), np.uint8)[:, ::2],
        np.empty((1, 24, 40, 3), np.uint8),
    ],
)
def test_memory_that_does_not_fit(inverting: Path, out: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"out has to be uint8 \(24, 40, 3\), contiguous and writable"):
        Stylizer.load(model=inverting)(frame(), out=out)


def test_memory_that_cannot_be_written(inverting: Path) -> None:
    out = np.empty((24, 40, 3), np.uint8)
    out.flags.writeable = False
    with pytest.raises(InputError, match="writable"):
        Stylizer.load(model=inverting)(frame(), out=out)


def test_sessions_that_make_arrays_of_their_own_are_copied_from() -> None:
    class Session:
        def run(self, names: None, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
            return [feeds["frame"] + 1]

    out = np.zeros(3, np.uint8)
    assert HostRunner(Session()).run({"frame": np.ones(3, np.uint8)}, out=out) is out
    assert out.tolist() == [2, 2, 2]
