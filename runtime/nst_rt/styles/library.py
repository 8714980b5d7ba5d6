"""Named styles: vectors with a record of where they come from, and expressions that blend them."""

import json
import logging
import math
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import ExpressionError, StyleError, did_you_mean
from nst_rt.files.folders import styles_folder
from nst_rt.files.paths import is_file
from nst_rt.models.catalog import ModelFiles, is_model_path
from nst_rt.styles.expressions import malformed

log = logging.getLogger("nst_rt")

Vector = NDArray[np.float32]

PAINTING_SIDE = 640
"""Paintings are reduced to this long side, in pixels, before a style encoder sees them: strokes keep one scale."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


TEXTS = ("title", "artist", "year", "license", "training", "date", "painting")
"""What a styles file says about a style beside its name and vector, in this order."""

DIGITS = 6
"""Significant digits of a number in a styles file: float32 holds seven, and an image shows four."""


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
    date: str = ""
    """When the user added the style, YYYY-MM-DD."""
    painting: str = ""
    """Where the user's painting was then: for making the vector again after the network has changed."""
    source_sha256: str = ""
    """Of the network that the vector belongs to, as in its `ModelRecord`; empty where the file does not say."""
    user_file: str = ""
    """The user's file that it was read from; empty for a style that came with the model."""

    @classmethod
    def from_json(cls, entry: dict[str, Any], source: Path) -> "Style":
        """One entry of a styles file.

        Raises:
            StyleError: malformed; names the file.
        """
        try:
            vector = np.asarray(entry["vector"], np.float32)
            texts = {key: str(entry.get(key, "")) for key in (*TEXTS, "source_sha256")}
            name = str(entry["name"])
        except (KeyError, TypeError, ValueError) as error:
            raise StyleError(
                f"{source}: malformed style ({type(error).__name__}: {error}). Remove or replace it"
            ) from error
        if vector.ndim != 1 or not np.isfinite(vector).all():
            raise StyleError(f"{source}: the vector of {name!r} is not a list of finite numbers. Remove or replace it")
        return cls(name, vector, **texts)


def load_styles(files: ModelFiles, size: int | None = None, source_sha256: str = "") -> dict[str, Style]:
    """The named styles of a model: those beside its file, then the user's own (which win on the same name).

    A broken file of the user's own is left out with a warning: it must not take the model's styles with it.

    Args:
        size: length of the model's style vectors; styles of another length are left out, with a warning.
        source_sha256: as in the model's record; the user's styles that name another network are left out, with a
            warning that says how to make them again.

    Raises:
        StyleError: the styles file beside the model is malformed or cannot be read.
    """
    styles: dict[str, Style] = {}
    for style in [*(read_styles(files.styles) if files.styles else []), *user_styles(files)]:
        if _fits(style, size, source_sha256):
            styles[style.name] = style
        else:
            log.warning("style %r of %s belongs to another network, left out%s", style.name, files.name, _again(style))
    return styles


def _fits(style: Style, size: int | None, source_sha256: str) -> bool:
    other = style.user_file and style.source_sha256 and source_sha256 and style.source_sha256 != source_sha256
    return not other and size in (None, style.vector.size)


def _again(style: Style) -> str:
    if not (style.user_file and style.painting):
        return ""
    painting = shlex.quote(style.painting)
    return f". Make it again: nst-rt add-style {painting} --name {shlex.quote(style.name)} --overwrite"


def user_style_folder(files: ModelFiles) -> Path:
    """Where the user's own styles of a model lie, one or several in a JSON file. May not exist yet."""
    return styles_folder() / files.network


def user_style_files(files: ModelFiles) -> list[Path]:
    """The files of the user's own styles, in the order in which they are read."""
    folder = user_style_folder(files)
    return sorted(folder.glob("*.json")) if folder.is_dir() else []


def user_styles(files: ModelFiles) -> list[Style]:
    """The user's own styles of a model, fitting or not; a broken file is left out with a warning."""
    found: list[Style] = []
    for path in user_style_files(files):
        try:
            found += [replace(style, user_file=str(path)) for style in read_styles(path)]
        except StyleError as error:
            log.warning("%s; left out", error)
    return found


def read_styles(path: Path) -> list[Style]:
    """The styles of one file: `{"source_sha256": "...", "styles": [...]}`, or a single style.

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
    source = str(content.get("source_sha256", "")) if isinstance(content, dict) else ""
    styles = [Style.from_json(entry, path) for entry in entries]
    return [replace(style, source_sha256=style.source_sha256 or source) for style in styles]


def styles_text(styles: Iterable[Style], source_sha256: str) -> str:
    """The text of a styles file, as `read_styles` and C++ programs read it.

    Args:
        source_sha256: as in the record of the model that the vectors belong to.
    """
    entries = [
        {
            "name": style.name,
            **{key: text for key in TEXTS if (text := getattr(style, key))},
            "vector": [float(f"{value:.{DIGITS}g}") for value in style.vector.reshape(-1).tolist()],
        }
        for style in styles
    ]
    # A style a line: differences between two versions stay readable.
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries)
    return f'{{"source_sha256":{json.dumps(source_sha256)},"styles":[\n{lines}\n]}}\n'


@dataclass(frozen=True)
class Term:
    """One part of a blend: a style's name or a painting's path, and its weight."""

    name: str
    weight: float


def parse_blend(expression: str) -> list[Term]:
    """`gogh`, `painting.jpg` or `gogh:0.7+wave:0.3`; weights are scaled so that they add up to 1.

    Raises:
        ExpressionError: malformed; it points at the place.
    """
    terms = parse_terms(expression)
    total = sum(term.weight for term in terms)
    if total == 0:
        raise _malformed(expression, 0, "all weights are 0")
    return [Term(term.name, term.weight / total) for term in terms]


def parse_terms(expression: str) -> list[Term]:
    """The terms of a blend with their weights as they are written, 1 where none is.

    Raises:
        ExpressionError: malformed; it points at the place.
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
    """The text that `parse_blend` reads: `gogh`, or `gogh:0.7+wave:0.3`."""
    terms = list(terms)
    return terms[0].name if len(terms) == 1 else "+".join(f"{term.name}:{term.weight:.3g}" for term in terms)


def is_painting(name: str) -> bool:
    """Whether a style argument is meant as an image file rather than as a name."""
    return not is_model_path(name) and (name.lower().endswith(IMAGE_SUFFIXES) or is_file(Path(name)))


def has_painting(expression: str) -> bool:
    """Whether a style, or a part of a blend, is an image file."""
    return bool(expression) and any(is_painting(term.name) for term in parse_terms(expression))


def require_painting(styles: Iterable[str | None]) -> None:
    """Raise StyleError unless one of the styles is a painting, whose colours can be matched to an image's."""
    styles = list(styles)
    if not any(style and has_painting(style) for style in styles):
        named = next((style for style in styles if style), None)
        raise StyleError(
            f"--match-colors recolours a painting, and {repr(named) if named else 'the first style'} is a stored "
            "style without one. Use --color 0 to keep the photograph's colours, or give --style a painting's file and "
            "--model one with a style encoder"
        )


def blend(terms: Iterable[Term], vector_of: Callable[[str], Vector]) -> Vector:
    """The weighted sum of the terms' vectors: float32 (1, S)."""
    vectors = [np.float32(term.weight) * vector_of(term.name).reshape(1, -1) for term in terms]
    result: Vector = np.sum(vectors, axis=0, dtype=np.float32)
    return result


def unknown_style(name: str, known: Iterable[str]) -> StyleError:
    """The error for a style that does not exist, with the nearest name that does."""
    parts = [part.strip() for part in name.split(",")]
    if len(parts) > 1 and all(parts):
        each = " ".join(f"--style {part}" for part in parts)
        return StyleError(
            f"no style named {name!r}. For a result in each `nst-rt image` takes {each}; a blend is joined by +, "
            f"as {'+'.join(parts)}"
        )
    return StyleError(
        f"no style named {name!r}{did_you_mean(name, known)}. `nst-rt styles` lists them; a painting's file works "
        "where the model has a style encoder"
    )
