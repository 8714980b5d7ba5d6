"""Named styles and the JSON files that keep them, which C++ programs read too."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nst_rt.contract import StyleVector
from nst_rt.errors import StyleError

TEXTS = ("title", "artist", "year", "license", "training", "date", "painting")
"""The texts that a styles file has for a style, in this order."""

DIGITS = 6
"""Significant digits of a number in a styles file: float32 has seven, and in an image four can be seen."""


@dataclass(frozen=True)
class Style:
    """A named style vector of one network, and where it comes from.

    Examples:
        >>> from nst_rt import find_model, load_styles
        >>> load_styles(find_model("conditional"))["wave"].artist
        'Katsushika Hokusai'
    """

    name: str
    vector: StyleVector
    """float32 (S,)."""
    title: str = ""
    artist: str = ""
    year: str = ""
    license: str = ""
    """The licence of the style image."""
    training: str = ""
    """How the vector was made, in words."""
    date: str = ""
    """When the user added the style, YYYY-MM-DD."""
    painting: str = ""
    """The path of the user's style image, for making the vector again when the network has changed."""
    source_sha256: str = ""
    """The network that the vector belongs to, as in its `ModelRecord`; empty where the file does not say."""
    user_file: str = ""
    """The user's file that the style was read from; empty for a style that came with the model."""

    @classmethod
    def from_json(cls, entry: dict[str, Any], source: Path) -> "Style":
        """Read one entry of a styles file.

        Raises:
            StyleError: the entry is malformed; the message names the file.
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


def read_styles(path: Path) -> list[Style]:
    """The styles of one file: `{"source_sha256": "...", "styles": [...]}`, or a single style.

    Raises:
        StyleError: the file is malformed, or cannot be read.
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
    # One style per line, so that the difference between two versions is readable.
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries)
    return f'{{"source_sha256":{json.dumps(source_sha256)},"styles":[\n{lines}\n]}}\n'
