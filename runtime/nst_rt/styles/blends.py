"""Style expressions: a style's name, a style image's path, or a blend such as `gogh:0.7+wave:0.3`."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nst_rt.contract import StyleVector
from nst_rt.errors import ExpressionError, StyleError
from nst_rt.files.paths import is_file
from nst_rt.models.catalog import is_model_path
from nst_rt.styles.expressions import malformed

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Term:
    """One part of a blend: a style's name or a style image's path, and its weight.

    Examples:
        >>> Term("gogh", 0.7).weight
        0.7
    """

    name: str
    weight: float


def parse_blend(expression: str) -> list[Term]:
    """Read `gogh`, `painting.jpg` or `gogh:0.7+wave:0.3`. The weights are scaled to the sum 1.

    Raises:
        ExpressionError: the text is malformed; the error shows the place.

    Examples:
        >>> from nst_rt import parse_blend
        >>> parse_blend("gogh:3+wave")
        [Term(name='gogh', weight=0.75), Term(name='wave', weight=0.25)]
    """
    terms = parse_terms(expression)
    total = sum(term.weight for term in terms)
    if total == 0:
        raise _malformed(expression, 0, "all weights are 0")
    return [Term(term.name, term.weight / total) for term in terms]


def parse_terms(expression: str) -> list[Term]:
    """The terms of a blend with the weights as they are written; 1 where there is none.

    Raises:
        ExpressionError: the text is malformed; the error shows the place.
    """
    if is_file(Path(expression)):  # a path may hold + and :
        return [Term(expression, 1.0)]
    terms: list[Term] = []
    position = 0
    for part in expression.split("+"):
        name, colon, number = part.rpartition(":")
        if not colon or number.startswith(("\\", "/")):  # the colon of a Windows drive or a URL
            name, number = part, "1"
        if not name.strip():
            raise _malformed(expression, position, "a style's name is missing")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not (math.isfinite(weight) and weight >= 0):
            joined = ", and + joins a blend, not a comma" if "," in number else ""
            raise _malformed(expression, position + len(name) + 1, f"a weight is a number from 0 up{joined}")
        terms.append(Term(name.strip(), weight))
        position += len(part) + 1
    return terms


def _malformed(expression: str, position: int, reason: str) -> ExpressionError:
    hint = "Write a blend like gogh:0.7+wave:0.3"
    return malformed(f"style {expression!r}", expression, position, reason, hint)


def blend_expression(terms: Iterable[Term]) -> str:
    """The text of a blend, as `parse_blend` reads it: `gogh`, or `gogh:0.7+wave:0.3`."""
    terms = list(terms)
    return terms[0].name if len(terms) == 1 else "+".join(f"{term.name}:{term.weight:.3g}" for term in terms)


def is_style_image(name: str) -> bool:
    """Whether a style is given as an image file, and not by a name."""
    return not is_model_path(name) and (name.lower().endswith(IMAGE_SUFFIXES) or is_file(Path(name)))


def has_style_image(expression: str) -> bool:
    """Whether a style, or a part of a blend, is an image file."""
    return bool(expression) and any(is_style_image(term.name) for term in parse_terms(expression))


def require_style_image(styles: Iterable[str | None]) -> None:
    """Refuse to match colours where none of the styles is an image, because stored styles have no colours to change.

    Raises:
        StyleError: no style is an image.
    """
    styles = list(styles)
    if not any(style and has_style_image(style) for style in styles):
        named = next((style for style in styles if style), None)
        raise StyleError(
            f"matching colours changes the colours of a style image, and {repr(named) if named else 'the first style'} "
            "is a stored style. Set color to 0 to keep the photograph's colours, or give an image file as the style, "
            "and a model with a style encoder",
            parameter="match_colors",
        )


def blend(terms: Iterable[Term], vector_of: Callable[[str], StyleVector]) -> StyleVector:
    """The weighted sum of the style vectors of the terms: float32 (1, S).

    Examples:
        >>> stylizer = Stylizer.load(device="cpu")
        >>> vector = blend(parse_blend("gogh:0.7+wave:0.3"), stylizer.style_vector)
        >>> stylizer.set_style_vector(vector)
    """
    vectors = [np.float32(term.weight) * vector_of(term.name).reshape(1, -1) for term in terms]
    result: StyleVector = np.sum(vectors, axis=0, dtype=np.float32)
    return result
