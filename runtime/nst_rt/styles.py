"""Named styles: vectors with a record of where they come from, and expressions that blend them."""

import json
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import StyleError
from nst_rt.folders import user_styles
from nst_rt.models import ModelFiles
from nst_rt.suggestions import did_you_mean

log = logging.getLogger("nst_rt")

Vector = NDArray[np.float32]

PAINTING_SIDE = 640
"""Paintings are reduced to this long side, in pixels, before a style encoder sees them: strokes keep one scale."""

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Style:
    """A named style vector of one network, and the painting behind it."""

    name: str
    vector: Vector
    """float32 (S,)."""
    title: str = ""
    artist: str = ""
    year: str = ""
    license: str = ""
    """Of the reference painting."""
    training: str = ""
    """How the vector came about, in words."""

    @classmethod
    def from_json(cls, entry: dict[str, Any], source: Path) -> "Style":
        """One entry of a styles file.

        Raises:
            StyleError: malformed; names the file.
        """
        try:
            vector = np.asarray(entry["vector"], np.float32)
            texts = {key: str(entry.get(key, "")) for key in ("title", "artist", "year", "license", "training")}
            name = str(entry["name"])
        except (KeyError, TypeError, ValueError) as error:
            raise StyleError(
                f"{source}: malformed style ({type(error).__name__}: {error}). Remove or replace it"
            ) from error
        if vector.ndim != 1 or not np.isfinite(vector).all():
            raise StyleError(f"{source}: the vector of {name!r} is not a list of finite numbers. Remove or replace it")
        return cls(name, vector, **texts)


def load_styles(files: ModelFiles, size: int | None = None) -> dict[str, Style]:
    """The named styles of a model: those beside its file, then the user's own (which win on the same name).

    A broken file of the user's own is left out with a warning: it must not take the model's styles with it.

    Args:
        size: length of the model's style vectors; styles of another length are left out, with a warning.

    Raises:
        StyleError: the styles file beside the model is malformed or cannot be read.
    """
    found = read_styles(files.styles) if files.styles else []
    own = user_styles() / files.name.removesuffix(".fp16")
    for path in sorted(own.glob("*.json")) if own.is_dir() else []:
        try:
            found += read_styles(path)
        except StyleError as error:
            log.warning("%s; left out", error)
    styles: dict[str, Style] = {}
    for style in found:
        if size is not None and style.vector.size != size:
            log.warning("style %r of %s belongs to another network, left out", style.name, files.name)
        else:
            styles[style.name] = style
    return styles


def read_styles(path: Path) -> list[Style]:
    """The styles of one file: `{"styles": [...]}`, or a single style.

    Raises:
        StyleError: malformed, or it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StyleError(f"{path}: cannot be read ({error.strerror}). Remove or replace it") from error
    except ValueError as error:
        raise StyleError(f"{path}: not a styles file ({error}). Remove or replace it") from error
    entries = content.get("styles", [content]) if isinstance(content, dict) else [content]
    return [Style.from_json(entry, path) for entry in entries]


@dataclass(frozen=True)
class Term:
    """One part of a blend: a style's name or a painting's path, and its weight."""

    name: str
    weight: float


def parse_blend(expression: str) -> list[Term]:
    """`gogh`, `painting.jpg` or `gogh:0.7+wave:0.3`; weights are scaled so that they add up to 1.

    Raises:
        StyleError: malformed; the message points at the place.
    """
    if Path(expression).is_file():  # a path may hold + and :
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
            raise _malformed(expression, position + len(name) + 1, "a weight is a number from 0 up")
        terms.append(Term(name.strip(), weight))
        position += len(part) + 1
    total = sum(term.weight for term in terms)
    if total == 0:
        raise _malformed(expression, 0, "all weights are 0")
    return [Term(term.name, term.weight / total) for term in terms]


def _malformed(expression: str, position: int, reason: str) -> StyleError:
    return StyleError(
        f"style {expression!r}, character {position + 1} ({expression[position : position + 12]!r}): {reason}. "
        "Write a blend like gogh:0.7+wave:0.3"
    )


def is_painting(name: str) -> bool:
    """Whether a style argument is meant as a picture file rather than as a name."""
    return name.lower().endswith(PICTURE_SUFFIXES) or Path(name).is_file()


def blend(terms: Iterable[Term], vector_of: Callable[[str], Vector]) -> Vector:
    """The weighted sum of the terms' vectors: float32 (1, S)."""
    vectors = [np.float32(term.weight) * vector_of(term.name).reshape(1, -1) for term in terms]
    result: Vector = np.sum(vectors, axis=0, dtype=np.float32)
    return result


def unknown_style(name: str, known: Iterable[str]) -> StyleError:
    """The error for a style that does not exist, with the nearest name that does."""
    return StyleError(
        f"no style named {name!r}{did_you_mean(name, known)}. `nst-rt styles` lists them; a painting's file works "
        "where the model has a style encoder"
    )
