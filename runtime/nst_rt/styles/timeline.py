"""Style timelines: which style, or which blend of two, at every moment of a video or a live show.

`0s gogh, 5s wave, 20s gogh:0.5+monet:0.5 fade 4s, fade 1s, loop 30s`: an entry is a time, a style and perhaps a fade.
A `fade` without a style is for all entries that have none; `loop` starts again after that time. A fade begins at the
entry's time and interpolates the style vectors linearly. The first style also holds before its time, the last one to
the end.
"""

import math
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from nst_rt.contract import StyleVector
from nst_rt.errors import ExpressionError, StyleError
from nst_rt.files.paths import is_file
from nst_rt.styles.blends import Term, blend, blend_expression, parse_blend
from nst_rt.styles.expressions import Piece, list_items, malformed

TIMES = "5s, 500ms, 1m20s, 00:01:20 and 5.5"
"""Examples of what `read_time` takes."""
_HINT = "Write a timeline like 0s gogh, 5s wave, fade 1s"
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_UNITS = re.compile(rf"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?(?:(?P<s>{_NUMBER})s|(?P<ms>\d+)ms)?", re.IGNORECASE)
_CLOCK = re.compile(rf"(?:(?P<h>\d+):)?(?P<m>\d+):(?P<s>{_NUMBER})")


@dataclass(frozen=True)
class Entry:
    """A style, or a blend, from `start` on."""

    start: float
    """Seconds."""
    terms: tuple[Term, ...]
    fade: float = 0.0
    """Seconds, from `start` on, in which the style before changes into this one."""
    position: int = 0
    """Of the style in the timeline's text."""

    @property
    def style(self) -> str:
        """As an expression."""
        return blend_expression(self.terms)


class Timeline:
    """Which blend of styles holds at which time.

    Args:
        text: as at the head of this module. Times are `5s`, `1m20s`, `1.5s`, `500ms`, `1:20`, `00:01:20` or plain
            seconds; styles are names, blends or paths of style images, in double quotes if they have a comma.

    Raises:
        ExpressionError: malformed, times that do not rise, or a fade that is longer than the time to the next entry.

    Examples:
        >>> timeline = Timeline("0s gogh, 5s wave, fade 1s")
        >>> timeline.terms(5.5)
        [Term(name='gogh', weight=0.5), Term(name='wave', weight=0.5)]
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.loop: float | None = None
        """Seconds after which it starts over; None: never."""
        self.entries: list[Entry] = []
        """In the order of time; at least one."""
        fade, fades = Piece("", 0), []
        for item in list_items(text, "timeline", _HINT):
            word, rest = item.first_word()
            if word.text.lower() == "fade":
                if fade.text:
                    raise self._malformed(item, "a second fade for all entries")
                fade = self._time_piece(rest, "fade")
            elif word.text.lower() == "loop":
                if self.loop is not None:
                    raise self._malformed(item, "a second loop")
                self.loop, loop_piece = self._time(self._time_piece(rest, "loop")), rest
            else:
                entry, own_fade = self._entry(word, rest)
                self.entries.append(entry)
                fades.append(own_fade)
        if not self.entries:
            raise malformed("timeline", text, 0, "there is no style in it", _HINT)
        if self.loop is not None and self.loop <= self.entries[-1].start:
            raise self._malformed(loop_piece, "it starts over before its last entry")
        self._set_fades(fades, fade)
        self._starts = [entry.start for entry in self.entries]

    def terms(self, seconds: float) -> list[Term]:
        """The blend at a time: one style's terms, or during a fade those of both with shares that add up to 1."""
        rounds = 0.0
        if self.loop is not None:
            rounds, seconds = divmod(max(0.0, seconds), self.loop)
        index = bisect_right(self._starts, seconds) - 1
        if index < 0:  # before the first entry
            return list(self.entries[-1 if rounds else 0].terms)
        entry = self.entries[index]
        share = (seconds - entry.start) / entry.fade if entry.fade else 1.0
        if share >= 1 or (index == 0 and not rounds):
            return list(entry.terms)
        return _mixed([*_scaled(self.entries[index - 1].terms, 1 - share), *_scaled(entry.terms, share)])

    def blamed(self, entry: Entry, error: StyleError) -> ExpressionError:
        """An error of an entry's style, shown at its place."""
        reason, _, hint = str(error).partition(". ")
        return malformed("timeline", self.text, entry.position, reason, hint)

    def never_reached(self, end: float) -> list[Entry]:
        """The entries that begin only after the end of a video of `end` seconds."""
        return [entry for entry in self.entries[1:] if entry.start >= end]

    def over_before(self, start: float) -> list[Entry]:
        """The entries that are over before `start` seconds."""
        if self.loop is not None:
            return []
        return [entry for entry, other in pairwise(self.entries) if other.start + other.fade <= start]

    @property
    def style(self) -> str:
        """The first entry's style, as an expression."""
        return self.entries[0].style

    def _entry(self, word: Piece, rest: Piece) -> tuple[Entry, Piece]:
        start = self._time(word)
        if self.entries and start <= self.entries[-1].start:
            raise self._malformed(word, f"this time is not after the {self.entries[-1].start:g} s of the entry before")
        fade = Piece("", 0)
        own = re.search(r'(?:^|\s)fade((?:\s[^"]*)?)$', rest.text, re.IGNORECASE)
        if own:
            fade = self._time_piece(Piece(own.group(1), rest.position + own.start(1)).stripped(), "fade")
            rest = Piece(rest.text[: own.start()], rest.position).stripped()
        style = rest.unquoted()
        if not style.text:
            raise self._malformed(style, f"a style is missing after {word.text}")
        if style is rest and not is_file(Path(style.text)):
            self._refuse_two_entries(style)
        try:
            terms = parse_blend(style.text)
        except ExpressionError as error:
            raise self._malformed(Piece("", style.position + error.position), error.reason) from None
        return Entry(start, tuple(_mixed(terms)), position=style.position), fade

    def _refuse_two_entries(self, style: Piece) -> None:
        """A time between two words is another entry's; plain numbers may belong to a name."""
        for word in list(re.finditer(r"\S+", style.text))[1:-1]:
            if not re.fullmatch(_NUMBER, word[0]) and read_time(word[0]) is not None:
                place = Piece(word[0], style.position + word.start())
                raise self._malformed(place, f"a comma is missing before {word[0]}, or quotes around a path")

    def _set_fades(self, fades: list[Piece], shared: Piece) -> None:
        entries = self.entries
        following = [*(entry.start for entry in entries[1:]), self.loop]
        for index, (own, following_start) in enumerate(zip(fades, following, strict=True)):
            if index == 0 and self.loop is None:
                if own.text:
                    raise self._malformed(own, "the first style has none before it to fade from")
                continue
            piece = own if own.text else shared
            fade = self._time(piece) if piece.text else 0.0
            if following_start is not None and entries[index].start + fade > following_start:
                room = following_start - entries[index].start
                reason = f"this fade is longer than the {room:g} s from {entries[index].start:g} s to what follows"
                raise self._malformed(piece, reason)
            entries[index] = replace(entries[index], fade=fade)

    def _time_piece(self, piece: Piece, word: str) -> Piece:
        if not piece.text:
            raise self._malformed(piece, f"a time is missing after {word}")
        self._time(piece)
        return piece

    def _time(self, piece: Piece) -> float:
        seconds = read_time(piece.text)
        if seconds is None:
            raise self._malformed(piece, f"this is no time; {TIMES} are")
        return seconds

    def _malformed(self, piece: Piece, reason: str) -> ExpressionError:
        return malformed("timeline", self.text, piece.position, reason, _HINT)


class TimedStylizer(Protocol):
    """What a player uses of `nst_rt.Stylizer`."""

    @property
    def style(self) -> str: ...
    def set_style_vector(self, vector: StyleVector, name: str = "vector") -> None: ...
    def style_vector(self, expression: str | None = None) -> StyleVector: ...
    def require_style_vectors(self, purpose: str) -> None: ...


class TimelinePlayer:
    """Sets the style of a stylizer by the time. All style vectors are made here, and again by `read_styles`.

    Raises:
        StyleError: the model has no style vectors, or lacks one of the styles (an ExpressionError at its place).
        InputError: no such painting.

    Examples:
        >>> stylizer = Stylizer.load(device="cpu")
        >>> player = TimelinePlayer(Timeline("0s gogh, 5s wave"), stylizer)
        >>> player.seek(6.0)
        >>> stylizer.style
        'wave'
    """

    def __init__(self, timeline: Timeline, stylizer: TimedStylizer) -> None:
        self.timeline = timeline
        self._stylizer = stylizer
        stylizer.require_style_vectors("timelines")
        self._vectors: dict[str, StyleVector] = {}
        self._shown: list[Term] = []
        self._name = ""
        self.read_styles()
        self.seek(0.0)

    def read_styles(self) -> None:
        """Make the style vectors again, after the colours of style images have changed.

        Raises:
            StyleError, InputError: as at first.
        """
        self._vectors, self._shown = {}, []
        for entry in self.timeline.entries:
            for term in entry.terms:
                try:
                    if term.name not in self._vectors:
                        self._vectors[term.name] = self._stylizer.style_vector(term.name)
                except StyleError as error:
                    raise self.timeline.blamed(entry, error) from error

    def seek(self, seconds: float) -> None:
        """Set the style of a time, unless it is set already."""
        terms = self.timeline.terms(seconds)
        if terms != self._shown or self._stylizer.style != self._name:
            self._shown, self._name = terms, blend_expression(terms)
            self._stylizer.set_style_vector(blend(terms, self._vectors.__getitem__), self._name)


def read_time(text: str) -> float | None:
    """Seconds of `5s`, `1m20s`, `500ms`, `1:20`, `00:01:20`, `5` or `5.25`; None for anything else."""
    if re.fullmatch(_NUMBER, text):
        return _finite(float(text))
    match = _UNITS.fullmatch(text) or _CLOCK.fullmatch(text)
    if match is None or not text:
        return None
    parts = {unit: float(number or 0) for unit, number in match.groupdict().items()}
    if ":" in text and (parts["s"] >= 60 or (match["h"] and parts["m"] >= 60)):
        return None
    return _finite(parts["h"] * 3600 + parts["m"] * 60 + parts["s"] + parts.get("ms", 0.0) / 1000)


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None


def _scaled(terms: Iterable[Term], share: float) -> list[Term]:
    return [Term(term.name, term.weight * share) for term in terms]


def _mixed(terms: Iterable[Term]) -> list[Term]:
    """One term for each name, without those of no weight."""
    weights: dict[str, float] = {}
    for term in terms:
        weights[term.name] = weights.get(term.name, 0.0) + term.weight
    return [Term(name, weight) for name, weight in weights.items() if weight > 0]
