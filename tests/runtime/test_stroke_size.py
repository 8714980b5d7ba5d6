"""Larger or finer strokes: a smaller or larger picture is painted, and comes back in the frame's size."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from nst_rt import StyleError, Stylizer
from nst_rt.cli import app
from nst_rt.masked_stylizer import MaskedStylizer
from nst_rt.masks import StillMask
from nst_rt.sample_picture import landscape
from nst_rt.timing import StageClock
from typer.testing import CliRunner

SIZES = [(48, 64), (49, 71), (16, 16), (20, 90)]


def painted(stylizer: Stylizer) -> list[tuple[int, int]]:
    """The sizes that the network has been opened for."""
    return [(shape.height, shape.width) for shape in stylizer._sessions.opened]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("times", [0.25, 0.7, 1.0, 2.0, 3.3, 8.0])
def test_the_network_paints_so_many_times_fewer_pixels(inverting: Path, size: tuple[int, int], times: float) -> None:
    stylizer = Stylizer.load(inverting, stroke_size=times)
    photo = landscape(size[1], size[0])
    made = stylizer(photo)
    assert made.shape == photo.shape
    assert made.dtype == np.uint8
    assert painted(stylizer) == [tuple(max(16, round(side / times)) for side in size)]


def test_what_is_painted_is_the_reduced_frame(inverting: Path) -> None:
    photo = landscape(96, 64)
    small = cv2.resize(photo, (48, 32), interpolation=cv2.INTER_AREA)
    wanted = cv2.resize(255 - small, (96, 64), interpolation=cv2.INTER_CUBIC)
    assert np.array_equal(Stylizer.load(inverting, stroke_size=2)(photo), wanted)


def test_finer_strokes_are_painted_larger(inverting: Path) -> None:
    photo = landscape(96, 64)
    large = cv2.resize(photo, (192, 128), interpolation=cv2.INTER_CUBIC)
    wanted = cv2.resize(255 - large, (96, 64), interpolation=cv2.INTER_AREA)
    assert np.array_equal(Stylizer.load(inverting, stroke_size=0.5)(photo), wanted)


@pytest.mark.parametrize("times", [0.6, 2])
def test_at_strength_0_it_is_the_frame_with_all_its_details(inverting: Path, times: float) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    stylizer = Stylizer.load(inverting, stroke_size=times, strength=0)
    assert np.array_equal(stylizer(photo), photo)
    stylizer.strength = 0.5  # half of the details: neither those of the frame nor a blurred picture
    assert 5 < np.abs(stylizer(photo).astype(int) - 127.5).mean() < 60


def test_it_changes_between_two_frames_and_batches_have_it(inverting: Path) -> None:
    stylizer = Stylizer.load(inverting)
    batch = np.stack([landscape(64, 48), landscape(64, 48)[::-1]])
    fine = stylizer(batch)
    stylizer.stroke_size = 2
    made = stylizer(batch)
    assert np.array_equal(made, np.stack([stylizer(frame) for frame in batch]))
    assert not np.array_equal(made, fine)
    later = stylizer.prepare(batch[0])
    stylizer.stroke_size = 1
    assert np.array_equal(later(), made[0])  # as it was when the frame was handed over
    assert np.array_equal(stylizer(batch), fine)


def test_the_result_goes_where_it_is_wanted(inverting: Path) -> None:
    stylizer = Stylizer.load(inverting, stroke_size=2)
    photo, out = landscape(64, 48), np.zeros((48, 64, 3), np.uint8)
    assert np.shares_memory(stylizer(photo, out=out), out)
    assert np.array_equal(out, stylizer(photo))


def test_warming_up_opens_what_frames_will_need(inverting: Path) -> None:
    stylizer = Stylizer.load(inverting, stroke_size=2)
    stylizer.warm_up(48, 64)
    assert painted(stylizer) == [(24, 32)]
    stylizer(landscape(64, 48))
    assert painted(stylizer) == [(24, 32)]
    assert stylizer.describe()["stroke_size"] == 2


def test_frames_in_flight_are_counted_by_what_is_painted(inverting: Path) -> None:
    wide = Stylizer.load(inverting, in_flight=None, threads=4)
    assert wide.in_flight(4320, 7680) == 1
    wide.stroke_size = 4
    assert wide.in_flight(4320, 7680) == 4


def test_resizing_is_a_stage(inverting: Path) -> None:
    stylizer = Stylizer.load(inverting, stroke_size=2)
    stylizer.clock = StageClock()
    stylizer(landscape(64, 48))
    assert {"run", "resize"} <= set(stylizer.clock.seconds)


def test_behind_a_mask(inverting: Path, tmp_path: Path) -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[:, 32:] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    photo = landscape(64, 48)
    stylizer = Stylizer.load(inverting, stroke_size=2)
    made = MaskedStylizer(stylizer, StillMask.read(tmp_path / "mask.png", feather=0))(photo)
    assert np.array_equal(made[:, :32], photo[:, :32])
    assert np.array_equal(made[:, 32:], stylizer(photo)[:, 32:])


@pytest.mark.parametrize("value", [0, 0.24, 8.1, -1, float("nan"), "2", None])
def test_out_of_range(inverting: Path, value: float) -> None:
    with pytest.raises(StyleError, match=r"stroke size .* is out of range. Give a number from 0.25 to 8"):
        Stylizer.load(inverting, stroke_size=value)


def test_the_option_and_the_name_of_the_result(inverting: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), landscape(64, 48))
    result = CliRunner().invoke(app, ["image", str(photo), "--model", str(inverting), "--stroke-size", "2", "--json"])
    assert result.exit_code == 0, result.output
    made = tmp_path / f"photo.{inverting.stem}.stroke-size-2.png"
    assert np.array_equal(cv2.imread(str(made)), Stylizer.load(inverting, stroke_size=2)(cv2.imread(str(photo))))
    assert json.loads(result.stdout)["stylizer"]["stroke_size"] == 2
    refused = CliRunner().invoke(app, ["image", str(photo), "--model", str(inverting), "--stroke-size", "9"])
    assert refused.exit_code != 0
    assert "from 0.25 to 8" in str(refused.exception)
