from pathlib import Path

import cv2
import numpy as np
import pytest
from nst_bench.quality.flicker import Clip, measure_flicker
from nst_bench.quality.motion import find_motion, is_cut, warp
from nst_rt.errors import InputError
from nst_rt.media.images.sample_image import landscape

WIDE = landscape(360, 144)


def window(x: int, width: int = 160) -> np.ndarray:
    return np.ascontiguousarray(WIDE[:, x : x + width])


class MadeClip(Clip):
    """A clip whose frames come from memory."""

    def __init__(self, frames: list[np.ndarray]) -> None:
        super().__init__(Path("made.mp4"), 0)
        self.made = frames

    @property
    def frames(self) -> list[np.ndarray]:
        return self.made


clip = MadeClip


def inverted(frame: np.ndarray) -> np.ndarray:
    return 255 - frame


def blurred(frame: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(frame, (5, 5), 0)


def noisy(seed: int = 0) -> object:
    random = np.random.default_rng(seed)
    return lambda frame: np.clip(frame + random.normal(0, 20, frame.shape), 0, 255).astype(np.uint8)


def test_a_still_clip_does_not_flicker() -> None:
    found = measure_flicker(clip([window(20)] * 4), inverted)
    assert (found.rms, found.squared, found.source_rms, found.pairs) == (0, 0, 0, 3)


def test_what_moves_with_the_clip_does_not_flicker() -> None:
    moving = clip([window(20 + 3 * index) for index in range(4)])
    assert moving.motions[0].visible.mean() > 0.7
    inner = moving.motions[0].flow[20:-20, 20:-20][moving.motions[0].visible[20:-20, 20:-20]]
    assert np.median(inner[:, 0]) == pytest.approx(3, abs=0.2)  # three pixels to the right in the frame before
    assert measure_flicker(moving, inverted).rms == pytest.approx(0, abs=1e-6)
    assert abs(measure_flicker(moving, blurred).rms) < 2


def test_noise_flickers_by_its_own_amount() -> None:
    moving = clip([np.clip(window(20), 80, 170)] * 4)
    found = measure_flicker(moving, noisy())
    # Two frames of independent noise of 20 differ by 20 times the root of two.
    assert found.rms == pytest.approx(20 * 2**0.5, rel=0.03)
    assert found.squared == pytest.approx(800, rel=0.06)


def test_the_sources_own_noise_is_subtracted() -> None:
    noise = noisy(3)
    shaking = clip([noise(np.clip(window(20), 80, 170)) for _ in range(4)])
    found = measure_flicker(shaking, lambda frame: frame)
    assert found.rms == 0
    assert found.source_rms > 10


def test_no_pair_goes_across_a_hard_cut() -> None:
    night = 255 - window(150)
    shots = [window(20), window(22), window(24), night, night]
    assert is_cut(shots[2], shots[3])
    motions, cuts = find_motion(shots)
    assert cuts == [3]
    assert [motion.before for motion in motions] == [0, 1, 3]
    assert measure_flicker(clip(shots), inverted).pairs == 3


def test_light_and_fast_motion_are_no_cuts() -> None:
    assert not is_cut(window(20), np.clip(window(20) * 1.1, 0, 255).astype(np.uint8))
    assert not is_cut(window(20), window(60))


def test_what_came_into_view_is_not_compared() -> None:
    moving = clip([window(20), window(40)])  # 20 columns enter on the right
    visible = moving.motions[0].visible
    assert not visible[:, -18:].any()
    assert visible[30:-30, 20:120].mean() > 0.7


def test_warp_fetches_from_where_the_flow_points() -> None:
    flow = np.zeros((*WIDE.shape[:2], 2), np.float32)
    flow[..., 0] = 5
    moved = warp(WIDE.astype(np.float32), flow)
    assert np.array_equal(moved[:, :-5], WIDE[:, 5:])


def test_a_clip_is_its_videos_middle(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 48))
    for value in range(10):
        video.write(np.full((48, 64, 3), 20 * value, np.uint8))
    video.release()
    found = Clip(path, 4)
    assert [round(float(frame.mean()) / 20) for frame in found.frames] == [3, 4, 5, 6]
    assert found.describe()["size"] == [64, 48]
    assert len(Clip(path, 0).frames) == 10
    with pytest.raises(InputError, match="1 frames"):
        _ = Clip(path, 1).frames


def test_a_clip_of_cuts_alone_is_refused() -> None:
    with pytest.raises(InputError, match="no two frames"):
        measure_flicker(clip([window(20), 255 - window(150)]), inverted)
