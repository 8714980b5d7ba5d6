"""Larger or finer strokes: a smaller or larger image is painted, and comes back in the frame's size."""

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from nst_rt import InputError, StyleError, Stylizer
from nst_rt.cli import app
from nst_rt.cli.options import OPTIONS
from nst_rt.engine.timing import StageClock
from nst_rt.masks.mask import StillMask
from nst_rt.media.images.sample_image import landscape
from nst_rt.stylizer import masked_stylizer
from nst_rt.stylizer.masked_stylizer import MaskedStylizer
from nst_rt.stylizer.stroke_size import resized, restored
from nst_rt.stylizer.stylizer import FINEST_STROKES, LARGEST_STROKES
from typer.testing import CliRunner

AREA, CUBIC = cv2.INTER_AREA, cv2.INTER_CUBIC
SIZES = [(48, 64), (49, 71), (16, 16), (20, 90)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("times", [0.25, 0.7, 1.0, 2.0, 3.3, 8.0])
def test_the_network_runs_on_fewer_pixels(
    inverting: Path, opened_sessions: list[Any], size: tuple[int, int], times: float
) -> None:
    stylizer = Stylizer.load(model=inverting, device="cpu", stroke_size=times)
    photo = landscape(size[1], size[0])
    made = stylizer(photo)
    assert made.shape == photo.shape
    assert made.dtype == np.uint8
    inference_size = tuple(max(16, round(side / times)) for side in size)
    assert [session.shape[1:3] for session in opened_sessions] == [inference_size]
    assert stylizer.inference_size(*size) == inference_size


def test_what_is_painted_is_the_reduced_frame(inverting: Path) -> None:
    photo = landscape(96, 64)
    small = cv2.resize(photo, (48, 32), interpolation=cv2.INTER_AREA)
    wanted = cv2.resize(255 - small, (96, 64), interpolation=cv2.INTER_CUBIC)
    assert np.array_equal(Stylizer.load(model=inverting, device="cpu", stroke_size=2)(photo), wanted)


def test_finer_strokes_are_painted_larger(inverting: Path) -> None:
    photo = landscape(96, 64)
    large = cv2.resize(photo, (192, 128), interpolation=cv2.INTER_CUBIC)
    wanted = cv2.resize(255 - large, (96, 64), interpolation=cv2.INTER_AREA)
    assert np.array_equal(Stylizer.load(model=inverting, device="cpu", stroke_size=0.5)(photo), wanted)


@pytest.mark.parametrize("times", [0.6, 2])
def test_at_strength_0_it_is_the_frame_with_all_its_details(inverting: Path, times: float) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    stylizer = Stylizer.load(model=inverting, device="cpu", stroke_size=times, strength=0)
    assert np.array_equal(stylizer(photo), photo)
    stylizer.strength = 0.5
    small = cv2.resize(photo, (round(56 / times), round(40 / times)), interpolation=AREA if times > 1 else CUBIC)
    kept = cv2.resize(small, (56, 40), interpolation=CUBIC if times > 1 else AREA).astype(float)
    wanted = np.clip(127.5 + 0.5 * (photo - kept), 0, 255)
    # Half of the details; the negative and the photograph cancel.
    assert np.abs(stylizer(photo) - wanted).max() <= 1.5


@pytest.mark.parametrize("strength", [1.0, 0.6])
@pytest.mark.parametrize("size", [(21, 32), (128, 192)])
def test_at_color_0_the_frame_s_own_colours_come_back_with_all_their_details(
    strength: float, size: tuple[int, int]
) -> None:
    photo = landscape(96, 64) // 4 + 96
    photo[30:32] = (120, 125, 145)  # a thin line of another colour
    given = resized(photo[None], *size)
    luma = np.array([0.114, 0.587, 0.299])

    def colours(image: np.ndarray) -> np.ndarray:
        return image - (image @ luma)[..., None]

    # What the graphs make of a negative: its brightness alone.
    negative = 255.0 - given
    brightness = (given + strength * (negative - given)) @ luma
    painted = np.rint(colours(given) + brightness[..., None]).astype(np.uint8)
    made = restored(painted, given, photo[None], strength, 0.0, None)[0]
    assert np.abs(colours(made) - colours(photo)).max() <= 3
    if size < photo.shape:  # and would not by themselves
        blurred = restored(painted, given, photo[None], 1.0, 1.0, None)[0]
        assert np.abs(colours(blurred) - colours(photo)).max() > 10


def test_it_changes_between_two_frames_and_batches_have_it(inverting: Path) -> None:
    stylizer = Stylizer.load(model=inverting, device="cpu")
    batch = np.stack([landscape(64, 48), landscape(64, 48)[::-1]])
    fine = stylizer(batch)
    stylizer.stroke_size = 2
    made = stylizer(batch)
    assert np.array_equal(made, np.stack([stylizer(frame) for frame in batch]))
    assert not np.array_equal(made, fine)
    later = stylizer.prepare(batch[0])
    stylizer.stroke_size = 1
    assert np.array_equal(later.run(), made[0])  # as it was when the frame was handed over
    assert np.array_equal(stylizer(batch), fine)


def test_the_result_goes_where_it_is_wanted(inverting: Path) -> None:
    stylizer = Stylizer.load(model=inverting, device="cpu", stroke_size=2)
    photo, out = landscape(64, 48), np.zeros((48, 64, 3), np.uint8)
    assert np.shares_memory(stylizer(photo, out=out), out)
    assert np.array_equal(out, stylizer(photo))
    stylizer.strength = 0.5
    wanted, mirrored = stylizer(photo), photo[:, ::-1]
    assert np.array_equal(stylizer(mirrored), stylizer(np.ascontiguousarray(mirrored)))
    assert np.array_equal(stylizer(photo, out=photo), wanted)  # in place


def test_warming_up_opens_what_frames_will_need(inverting: Path, opened_sessions: list[Any]) -> None:
    stylizer = Stylizer.load(model=inverting, device="cpu", stroke_size=2)
    stylizer.warm_up(48, 64)
    assert [session.shape[1:3] for session in opened_sessions] == [(24, 32)]
    stylizer(landscape(64, 48))
    assert [session.shape[1:3] for session in opened_sessions] == [(24, 32)]
    with pytest.raises(InputError, match="8x8 is too small"):
        stylizer.warm_up(8, 8)
    assert stylizer.describe()["stroke_size"] == 2


def test_frames_in_flight_are_counted_by_what_is_painted(inverting: Path) -> None:
    wide = Stylizer.load(model=inverting, device="cpu", in_flight=None, threads=4)
    assert wide.in_flight(4320, 7680) == 1
    wide.stroke_size = 4
    assert wide.in_flight(4320, 7680) == 4


def test_resizing_is_a_stage(inverting: Path) -> None:
    stylizer = Stylizer.load(model=inverting, device="cpu", stroke_size=2)
    stylizer.clock = StageClock()
    stylizer(landscape(64, 48))
    assert {"run", "resize"} <= set(stylizer.clock.seconds)


def test_behind_a_mask(inverting: Path, tmp_path: Path) -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[:, 32:] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    photo = landscape(64, 48)
    stylizer = Stylizer.load(model=inverting, device="cpu", stroke_size=2)
    made = MaskedStylizer(stylizer, StillMask.read(tmp_path / "mask.png", feather=0))(photo)
    assert np.array_equal(made[:, :32], photo[:, :32])
    assert np.array_equal(made[:, 32:], stylizer(photo)[:, 32:])


def test_masks_count_the_pixels_of_the_inference_size(
    tinting: Path, opened_sessions: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masked_stylizer, "BATCH_PIXELS", 2 * 24 * 32)
    mask = StillMask([np.full((48, 64), share, np.float32) for share in (0.25, 0.75)])
    for times, batches in ((2, {1, 2}), (1, {1})):
        stylizer = Stylizer.load(np.zeros(3, np.float32), model=tinting, device="cpu", stroke_size=times)
        masked = MaskedStylizer(stylizer, mask, [stylizer, str(painting_of(tinting))])
        opened_sessions.clear()
        masked(landscape(64, 48))
        # This graph takes one style vector: what is one batch is run frame by frame all the same.
        assert {session.shape[0] for session in opened_sessions} == batches


def painting_of(model: Path) -> Path:
    path = model.with_name("painting.png")
    cv2.imwrite(str(path), landscape(64, 64))
    return path


@pytest.mark.parametrize(
    ("value", "why"),
    [
        *((value, "out of range") for value in (0, 0.24, 8.1, math.nan)),
        ("2", "not a number"),
        (None, "not a number"),
        (True, "not a number"),
    ],
)
def test_what_is_no_stroke_size(inverting: Path, value: Any, why: str) -> None:
    with pytest.raises(
        StyleError, match=rf"stroke size .* is {why}\. Give .* from {FINEST_STROKES} to {LARGEST_STROKES:g}"
    ):
        Stylizer.load(model=inverting, device="cpu", stroke_size=value)


def test_the_help_names_the_limits() -> None:
    assert f"from {FINEST_STROKES} to {LARGEST_STROKES:g}" in str(OPTIONS["stroke_size"].help)


def test_a_grid_sweeps_it(inverting: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.png"), landscape(64, 48))
    line = (
        f"grid --content {tmp_path / 'photo.png'} --model {inverting} --sweep stroke-size=1,2 -o {tmp_path / 'g.png'}"
    )
    done = CliRunner().invoke(app, [*line.split(), "--device", "cpu"])
    assert done.exit_code == 0, done.output
    made = [cv2.imread(str(path)) for path in sorted((tmp_path / "g").glob("*.png"))]
    wanted = [Stylizer.load(model=inverting, device="cpu", stroke_size=size)(landscape(64, 48)) for size in (1, 2)]
    assert len(made) == 2
    assert all(np.array_equal(*pair) for pair in zip(made, wanted, strict=True))


def test_the_option_and_the_name_of_the_result(inverting: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), landscape(64, 48))
    line = f"image {photo} --model {inverting} -d cpu --json --stroke-size"
    result = CliRunner().invoke(app, [*line.split(), "2"])
    assert result.exit_code == 0, result.output
    made = cv2.imread(str(tmp_path / f"photo.{inverting.stem}.stroke-size-2.png"))
    assert np.array_equal(made, Stylizer.load(model=inverting, device="cpu", stroke_size=2)(landscape(64, 48)))
    assert json.loads(result.stdout)["stylizer"]["stroke_size"] == 2
    refused = CliRunner().invoke(app, [*line.split(), "9"])
    assert refused.exit_code != 0
    assert "from 0.25 to 8" in str(refused.exception)
