"""The texts of blends, timelines and regions: their lists, and errors that show the place."""

from collections.abc import Iterator
from dataclasses import dataclass

from nst_rt.errors import ExpressionError

_SHOWN = 76
"""Columns of a long text that are shown around the place."""


@dataclass(frozen=True)
class Piece:
    """A part of a text, and its position there."""

    text: str
    position: int

    def stripped(self) -> "Piece":
        """Without the white space around it."""
        return Piece(self.text.strip(), self.position + len(self.text) - len(self.text.lstrip()))

    def unquoted(self) -> "Piece":
        """Without the double quotes around it."""
        quoted = len(self.text) >= 2 and self.text[0] == self.text[-1] == '"'
        return Piece(self.text[1:-1], self.position + 1) if quoted else self

    def first_word(self) -> "tuple[Piece, Piece]":
        """The first word, and the rest behind it."""
        word = self.text.split(None, 1)[0] if self.text.strip() else ""
        start = self.text.index(word)
        rest = self.text[start + len(word) :]
        return Piece(word, self.position + start), Piece(rest, self.position + start + len(word)).stripped()


def malformed(what: str, text: str, position: int, reason: str, hint: str) -> ExpressionError:
    """The error for a malformed text.

    Args:
        what: the kind of text, such as `timeline`.
        position: of the first wrong character.
        reason: what is wrong at this place.
        hint: what to write instead, a sentence without full stop.
    """
    near = text[position : position + 12]
    return ExpressionError(
        f"{what}, character {position + 1} ({near!r}): {reason}. {hint}",
        position=position,
        reason=reason,
        below=_pointer(text, position),
    )


def _pointer(text: str, position: int) -> str:
    first = max(0, min(position - _SHOWN // 2, len(text) - _SHOWN))
    shown = "".join(letter if letter.isprintable() else " " for letter in text[first : first + _SHOWN])
    left, right = "..." if first else "", "..." if first + _SHOWN < len(text) else ""
    return f"  {left}{shown}{right}\n  {' ' * (len(left) + position - first)}^"


def list_items(text: str, what: str, hint: str) -> Iterator[Piece]:
    """The stripped items of a list with commas; a comma in double quotes does not separate.

    Raises:
        ExpressionError: an empty item, or a quote that does not end.
    """
    start, quote = 0, -1
    for place, letter in enumerate(f"{text},"):
        if place == len(text) and quote >= 0:
            raise malformed(what, text, quote, "this quote does not end", hint)
        if letter == '"':
            quote = -1 if quote >= 0 else place
        elif letter == "," and quote < 0:
            item = Piece(text[start:place], start).stripped()
            if not item.text:
                raise malformed(what, text, start, "an entry is missing", hint)
            yield item
            start = place + 1
