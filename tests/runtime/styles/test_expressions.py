"""Texts of blends, timelines and regions that cannot be read: the error shows the place."""

from collections.abc import Callable
from typing import Any

import pytest
from nst_rt.errors import ExpressionError
from nst_rt.styles.blends import parse_blend
from nst_rt.styles.regions import parse_regions
from nst_rt.styles.timeline import Timeline

BLENDS = [
    ("gogh:0.7+\n         ^", "missing"),
    ("+gogh\n^", "missing"),
    ("\n^", "missing"),
    ("gogh:0.7+wave:x\n              ^", "number"),
    ("gogh:-1\n     ^", "number"),
    ("gogh:nan\n     ^", "number"),
    ("gogh:0+wave:0\n^", "all weights are 0"),
]
REGIONS = [
    ("0=gogh, wave\n        ^", "there is no ="),
    ("0=gogh, 256=wave\n        ^", "no label"),
    ("purple=wave\n^", "no label"),
    ("#ff80=wave\n^", "no label"),
    ("=wave\n^", "no label"),
    ("0=gogh, 1=\n          ^", "a style is missing"),
    ("0=gogh, black=wave\n        ^", "comes twice"),
    ("0=gogh,,1=wave\n       ^", "an entry is missing"),
    ("\n^", "an entry is missing"),
]
TIMELINES = [
    ("gogh\n^", "this is no time"),
    ("0s gogh,\n        ^", "an entry is missing"),
    ("\n^", "an entry is missing"),
    ("0s\n  ^", "a style is missing after 0s"),
    ("0s a, 5 s b, 5x b\n             ^", "this is no time"),
    ("5s a, 3s b\n      ^", "not after the 5 s"),
    ("5s a, 5s b\n      ^", "not after the 5 s"),
    ("0s a, 1s b fade 3s, 2s c\n                ^", "longer than the 1 s"),
    ("0s a, 1s b, 2s c, fade 3s\n                       ^", "longer than the 1 s"),
    ("0s a, 1s b fade 3s, loop 2s\n                ^", "longer than the 1 s"),
    ("0s gogh 5s wave\n        ^", "a comma is missing before 5s"),
    ("0s gogh:0.5+wave:0.5 1:20 monet fade 1s\n                     ^", "a comma is missing before 1:20"),
    ("0s gogh:0.7+wave:x\n                 ^", "a weight is a number"),
    ('0s "gogh:x"\n         ^', "a weight is a number"),
    ("0s a, 1m b, loop 30s\n                 ^", "before its last entry"),
    ("fade 1s\n^", "no style in it"),
    ("0s a, fade\n          ^", "a time is missing after fade"),
    ("0s a, 1s b fade\n               ^", "a time is missing after fade"),
    ("0s a, 1s b fade soon\n                ^", "this is no time"),
    ("0s a fade 2s\n          ^", "none before it"),
    ("0s a, fade 1s, fade 2s\n               ^", "a second fade"),
    ("0s a, loop 1s, loop 2s\n               ^", "a second loop"),
    ('0s "a\n   ^', "does not end"),
]
"""Each text with a caret under the place, and the reason."""


@pytest.mark.parametrize(
    ("read", "shown", "reason"),
    [
        *((parse_blend, *row) for row in BLENDS),
        *((parse_regions, *row) for row in REGIONS),
        *((Timeline, *row) for row in TIMELINES),
    ],
)
def test_what_cannot_be_read_is_shown_at_its_place(read: Callable[[str], Any], shown: str, reason: str) -> None:
    text, caret = shown.split("\n")
    with pytest.raises(ExpressionError, match=reason) as caught:
        read(text)
    place = caret.index("^")
    assert caught.value.position == place
    assert caught.value.below == f"  {text}\n  {' ' * place}^"
    assert f"character {place + 1} " in str(caught.value)
