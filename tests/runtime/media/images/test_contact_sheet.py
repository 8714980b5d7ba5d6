import numpy as np
import pytest
from nst_rt.media.images.contact_sheet import Cell, contact_sheet
from nst_rt.media.images.sample_image import landscape


def flat(width: int, height: int, color: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def test_cells_keep_their_place_shape_and_colour() -> None:
    red, blue = flat(60, 30, (0, 0, 255)), flat(30, 60, (255, 0, 0))
    sheet = contact_sheet([Cell(red, "red"), Cell(blue, "blue")], columns=2, side=60, gap=4)
    assert np.array_equal(sheet[4:34, 4:64], red)
    assert np.array_equal(sheet[4:64, 68:98], blue)


def test_large_images_are_fitted_and_labels_drawn() -> None:
    sheet = contact_sheet([Cell(flat(400, 200, (9, 9, 9)), "a label much longer than its image is wide")], side=100)
    assert (sheet[10:60, 10:110] == 9).all()
    label = sheet[60:, 10:110]
    assert (label < 120).any()
    assert (sheet[:, 110:] > 200).all()


def test_a_sheet_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])


def test_the_landscape_is_the_same_each_time_and_full_of_detail() -> None:
    first = landscape(96, 64)
    assert first.shape == (64, 96, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, landscape(96, 64))
    assert not np.array_equal(first, landscape(96, 64, seed=1))
    assert first.std() > 30
    sky, lake = first[:10].mean((0, 1)), first[-20:, 30:].mean((0, 1))
    assert sky[0] > sky[2]
    assert sky.sum() > lake.sum()
