import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from nst_rt.live.hud import SMALLEST, Hud, HudState, style_label

KEYS = (("n", "next style"), ("q", "quit"))
STATE = HudState("gogh 70% + wave 30%", "cuda:0", fps=29.9, latency=0.034)


def changed(image: Any, drawn: Any) -> Any:
    return (image != drawn).any(axis=2)


def test_draws_on_a_copy_in_the_top_left_corner(image: Any) -> None:
    clean = image(120, 480, 640)
    drawn = Hud().draw(clean, STATE)
    assert (clean == 120).all()
    mask = changed(clean, drawn)
    rows, columns = np.nonzero(mask)
    assert columns.max() < 400
    assert rows.max() < 160
    assert not mask[:, 450:].any()
    # Dark panel, white letters on it.
    panel = drawn[mask]
    assert np.median(panel) < 80
    assert panel.max() > 220


def test_letters_can_be_read_on_black_and_on_white(image: Any) -> None:
    for ground in (0, 255):
        clean = image(ground, 480, 640)
        panel = Hud().draw(clean, STATE)[30:60, 20:200].astype(float)
        assert panel.max() - np.median(panel) > 130


@pytest.mark.parametrize("size", [(16, 16), (48, 3000), (2000, 40), (240, 320), (480, 640), (1080, 1920)])
def test_any_size(image: Any, size: tuple[int, int]) -> None:
    full = replace(
        STATE,
        recording=75.0,
        banner="camera 0 lost, reconnecting",
        help=KEYS,
        view="original",
        dropped=3,
        keeps_color=True,
    )
    for state in (STATE, full, replace(full, help=(), banner="", message="saved an image with a long name.png")):
        drawn = Hud().draw(image(120, *size), state)
        assert drawn.dtype == np.uint8
        assert drawn.shape[0] == max(size[0], SMALLEST)
        assert drawn.flags.c_contiguous


def test_grows_with_the_image(image: Any) -> None:
    areas = [
        changed(image(120, *size), Hud().draw(image(120, *size), STATE)).sum() for size in ((480, 640), (960, 1280))
    ]
    assert areas[1] > 3 * areas[0]


def test_recording_is_a_red_dot_top_right(image: Any) -> None:
    drawn = Hud().draw(image(120, 480, 640), replace(STATE, recording=5.0)).astype(int)
    red = (drawn[..., 2] > 200) & (drawn[..., 0] < 110) & (drawn[..., 1] < 110)
    rows, columns = np.nonzero(red)
    assert red.sum() > 30
    assert rows.max() < 80
    assert columns.min() > 400


def test_banner_help_and_information_have_their_places(image: Any) -> None:
    clean = image(120, 480, 640)
    hud = Hud()
    banner = changed(clean, hud.draw(clean, replace(STATE, information=False, banner="camera 0 lost, reconnecting")))
    assert banner[420:].any()
    assert not banner[:400].any()
    helping = changed(clean, hud.draw(clean, replace(STATE, help=KEYS)))
    assert helping[240, 320]
    assert not helping[20, 20]
    assert not changed(clean, hud.draw(clean, replace(STATE, information=False))).any()


def test_strokes_of_another_size_are_shown(image: Any) -> None:
    clean = image(120, 480, 640)
    same, larger = (Hud().draw(clean, replace(STATE, stroke_size=size)) for size in (1.0, 1.5))
    columns = np.nonzero(changed(same, larger))[1]
    assert columns.size > 30
    assert columns.min() > 100  # after the strength, which stays


def test_panels_are_not_collected(image: Any) -> None:
    hud = Hud()
    clean = image(120, 480, 640)
    first = hud.draw(clean, STATE)
    tracemalloc.start()
    try:
        for number in range(20):
            hud.draw(clean, replace(STATE, fps=float(number)))
        before = tracemalloc.get_traced_memory()[0]
        for number in range(20, 120):
            hud.draw(clean, replace(STATE, fps=float(number)))
        assert tracemalloc.get_traced_memory()[0] - before < 300_000  # a hundred panels would be 20 MB
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(hud.draw(clean, STATE), first)


@pytest.mark.parametrize(
    ("expression", "label"),
    [
        ("gogh", "gogh"),
        ("gogh:0.7+wave:0.3", "gogh 70% + wave 30%"),
        ("/home/me/painting.jpg", "painting"),
        ("C:/a.jpg", "a"),
        ("/p/a.jpg:0.5+wave:.5", "a 50% + wave 50%"),
    ],
)
def test_style_labels(expression: str, label: str) -> None:
    assert style_label(expression) == label
