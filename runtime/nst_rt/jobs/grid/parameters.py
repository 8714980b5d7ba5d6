"""What a grid can sweep, and the text of a sweep: `strength=0.2,0.5,1`."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nst_rt.contract import MIN_SIDE
from nst_rt.errors import ExpressionError, did_you_mean
from nst_rt.styles.color_matching import METHODS as COLOR_MATCHINGS
from nst_rt.styles.expressions import list_items, malformed
from nst_rt.stylizer.stylizer import FINEST_STROKES, LARGEST_STROKES

NETWORK, OPTIMIZE = "network", "optimize"
"""How the images of a grid are made."""

_BOTH = frozenset({NETWORK, OPTIMIZE})
_SLOW = frozenset({OPTIMIZE})


@dataclass(frozen=True)
class Parameter:
    """One thing that can be swept."""

    read: Callable[[str], Any]
    """A value; raises ValueError."""
    says: str
    """What a value is, in words."""
    methods: frozenset[str] = _BOTH


@dataclass(frozen=True)
class Value:
    """One value of a sweep, as it was written and as it is meant."""

    text: str
    value: Any


@dataclass(frozen=True)
class Sweep:
    """A parameter and the values it takes one after the other."""

    name: str
    values: tuple[Value, ...]


def _number(least: float, most: float = math.inf) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and least <= value <= most):
            raise ValueError(text)
        return value

    return read


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if value < least:
            raise ValueError(text)
        return value

    return read


def _one_of(*choices: str) -> Parameter:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return Parameter(read, f"one of {', '.join(choices)}")


def _slow(parameter: Parameter) -> Parameter:
    return Parameter(parameter.read, parameter.says, _SLOW)


PARAMETERS = {
    "strength": Parameter(_number(0, 1), "a number from 0 to 1", frozenset({NETWORK})),
    "color": Parameter(_number(0, 1), "a number from 0 to 1"),
    "stroke-size": Parameter(
        _number(FINEST_STROKES, LARGEST_STROKES),
        f"a number from {FINEST_STROKES:g} to {LARGEST_STROKES:g}",
        frozenset({NETWORK}),
    ),
    "match-colors": _one_of(*COLOR_MATCHINGS),
    "size": Parameter(_whole(MIN_SIDE), f"a number of pixels from {MIN_SIDE} up"),
    "ratio": Parameter(_number(0), "a number from 0 up", _SLOW),
    "content-layer": Parameter(str, "a layer", _SLOW),
    "style-layers": Parameter(str, "layers, in double quotes if there are several", _SLOW),
    "style-loss": _slow(_one_of("gram", "statistics")),
    "scales": Parameter(_whole(1), "a whole number from 1 up", _SLOW),
    "optimizer": _slow(_one_of("lbfgs", "adam")),
    "start": _slow(_one_of("content", "noise")),
    "steps": Parameter(_whole(1), "a whole number from 1 up", _SLOW),
    "seed": Parameter(_whole(0), "a whole number from 0 up", _SLOW),
}
"""By name; those of `optimize` are its options."""


def parse_sweep(text: str, method: str) -> Sweep:
    """`NAME=VALUE,VALUE,...`; a value that holds commas stands in double quotes.

    Args:
        method: NETWORK or OPTIMIZE.

    Raises:
        ExpressionError: malformed, no such parameter, one of the other method's, a value that it cannot take or that
            comes twice; it points at the place.
    """
    name, equals, _ = text.partition("=")
    names = [known for known, parameter in PARAMETERS.items() if method in parameter.methods]
    hint = f"Write a sweep like {'ratio=1,10,100' if method == OPTIMIZE else 'strength=0.2,0.5,1'}"
    key = name.strip().lower()
    if key not in names:
        if key in PARAMETERS:
            other = next(iter(PARAMETERS[key].methods))
            raise malformed("sweep", text, 0, f"{key} is for the method {other}", f"Here can be {', '.join(names)}")
        reason = f"no parameter {name.strip()!r}{did_you_mean(name.strip(), names)}" if key else "a name is missing"
        raise malformed("sweep", text, 0, reason, f"There are {', '.join(names)}")
    if not equals:
        raise malformed("sweep", text, len(text), "its values are missing", hint)
    start, parameter, values = len(name) + 1, PARAMETERS[key], dict[Any, Value]()
    try:
        items = [(item.unquoted(), start + item.position) for item in list_items(text[start:], "sweep", hint)]
    except ExpressionError as error:
        raise malformed("sweep", text, start + error.position, error.reason, hint) from None
    for item, position in items:
        try:
            value = parameter.read(item.text)
        except ValueError:
            raise malformed("sweep", text, position, f"{key} is {parameter.says}", hint) from None
        if value in values:
            raise malformed("sweep", text, position, "this value is there already", hint)
        values[value] = Value(item.text, value)
    return Sweep(key, tuple(values.values()))
