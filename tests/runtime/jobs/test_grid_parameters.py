"""Sweeps as they are written."""

import pytest
from nst_rt.errors import ExpressionError
from nst_rt.jobs.grid.parameters import NETWORK, OPTIMIZE, PARAMETERS, parse_sweep


@pytest.mark.parametrize(
    ("text", "method", "values"),
    [
        ("strength=0.2,0.5,1", NETWORK, [0.2, 0.5, 1.0]),
        ("Match-Colors = none, cholesky", NETWORK, ["none", "cholesky"]),
        ("ratio=1e3,1e4,1e5", OPTIMIZE, [1e3, 1e4, 1e5]),
        ("content-layer=relu2_1,relu3_1", OPTIMIZE, ["relu2_1", "relu3_1"]),
        ('style-layers="relu1_1,relu2_1",relu3_1', OPTIMIZE, ["relu1_1,relu2_1", "relu3_1"]),
        ("steps=10", OPTIMIZE, [10]),
    ],
)
def test_values_are_read(text: str, method: str, values: list[object]) -> None:
    sweep = parse_sweep(text, method)
    assert [value.value for value in sweep.values] == values
    assert sweep.name in PARAMETERS


def test_labels_keep_what_was_written() -> None:
    assert [value.text for value in parse_sweep("ratio=1e3, 20", OPTIMIZE).values] == ["1e3", "20"]


@pytest.mark.parametrize(
    ("text", "method", "position", "reason"),
    [
        ("strength=0.2,x,1", NETWORK, 13, "strength is a number from 0 to 1"),
        ("strength=0.2, 1.5", NETWORK, 14, "strength is a number from 0 to 1"),
        ("strength=nan", NETWORK, 9, "strength is a number from 0 to 1"),
        ("strength=0.2,,1", NETWORK, 13, "an entry is missing"),
        ("strength=", NETWORK, 9, "an entry is missing"),
        ("strength", NETWORK, 8, "its values are missing"),
        ("strength=1,1.0", NETWORK, 11, "this value is there already"),
        ("strenth=1", NETWORK, 0, "no parameter 'strenth' (did you mean 'strength'?)"),
        ("=1", NETWORK, 0, "a name is missing"),
        ("ratio=1", NETWORK, 0, "ratio is for the method optimize"),
        ("strength=1", OPTIMIZE, 0, "strength is for the method network"),
        ('style-layers="a,b', OPTIMIZE, 13, "this quote does not end"),
        ("style-loss=gram,grams", OPTIMIZE, 16, "style-loss is one of gram, statistics"),
        ("size=8", NETWORK, 5, "size is a number of pixels from 16 up"),
        ("steps=1.5", OPTIMIZE, 6, "steps is a whole number from 1 up"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text: str, method: str, position: int, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_sweep(text, method)
    assert (caught.value.position, caught.value.reason) == (position, reason)
    assert caught.value.below.splitlines()[-1].index("^") == 2 + position
