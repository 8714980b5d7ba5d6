"""Regions of a mask: a style for each of its grey levels or colours."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from nst_rt.styles.expressions import Piece, list_items, malformed

Label = tuple[int, int, int] | None
"""The blue, green and red of a mask's pixels; None stands for all pixels without a label of their own."""

PHOTOGRAPH = "none"
"""The style of a region that stays unchanged."""

OTHER = "other"

NAMED = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "red": (0, 0, 255),
    "green": (0, 255, 0),
    "blue": (255, 0, 0),
    "yellow": (0, 255, 255),
    "magenta": (255, 0, 255),
    "cyan": (255, 255, 0),
}
"""Labels by name, BGR."""

_HINT = "Write regions like 0=gogh, 128=wave, #ff0000=monet, other=none"


@dataclass(frozen=True)
class Region:
    """A part of the image and its style.

    Examples:
        >>> Region((0, 0, 255), "gogh").style
        'gogh'
    """

    label: Label
    style: str | None
    """A style expression; None is the photograph."""


def parse_regions(text: str) -> list[Region]:
    """Read `0=gogh, 128=wave:0.5+monet:0.5, #ff0000=none, other=scream`.

    A label is a grey level from 0 to 255, a colour `#rrggbb`, a colour's name, or `other`; a style is a name, a blend,
    a style image's path, a model's file, or `none`; in double quotes if it has a comma.

    Raises:
        ExpressionError: malformed, or a label that comes twice; it shows the place.

    Examples:
        >>> parse_regions("0=gogh, other=none")
        [Region(label=(0, 0, 0), style='gogh'), Region(label=None, style=None)]
    """
    regions: list[Region] = []
    for item in list_items(text, "regions", _HINT):
        label, equals, style = item.text.partition("=")
        place = item.position + len(label) + len(equals)
        if not equals:
            raise malformed("regions", text, item.position, "LABEL=STYLE is wanted, and there is no =", _HINT)
        region = Region(_label(text, Piece(label, item.position).stripped()), _style(text, Piece(style, place)))
        if any(other.label == region.label for other in regions):
            raise malformed("regions", text, item.position, f"the label {label.strip()} comes twice", _HINT)
        regions.append(region)
    return regions


def _label(text: str, piece: Piece) -> Label:
    word = piece.text.lower()
    if word == OTHER:
        return None
    if word in NAMED:
        return NAMED[word]
    if re.fullmatch(r"[0-9]{1,3}", word) and int(word) <= 255:
        return int(word), int(word), int(word)
    if re.fullmatch(r"#[0-9a-f]{6}", word):
        red, green, blue = bytes.fromhex(word[1:])
        return blue, green, red
    names = ", ".join(NAMED)
    reason = f"this is no label; a grey level from 0 to 255, #rrggbb, {names} and {OTHER} are"
    raise malformed("regions", text, piece.position, reason, _HINT)


def _style(text: str, piece: Piece) -> str | None:
    piece = piece.stripped().unquoted()
    if not piece.text:
        raise malformed("regions", text, piece.position, f"a style is missing; {PHOTOGRAPH} is the photograph", _HINT)
    return None if is_photograph(piece.text) else piece.text


def is_photograph(style: str) -> bool:
    """Whether a style stands for the unchanged image."""
    return style.lower() == PHOTOGRAPH


def label_text(label: Label) -> str:
    """A label as the user writes it: `128`, `#ff8000`, `other`."""
    if label is None:
        return OTHER
    blue, green, red = label
    return str(blue) if blue == green == red else f"#{red:02x}{green:02x}{blue:02x}"


def label_list(labels: Iterable[Label], separator: str = ", ") -> str:
    """Labels as the user writes them."""
    return separator.join(label_text(label) for label in labels)
