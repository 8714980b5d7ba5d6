"""The keys of the live window: one table for the loop, its help panel and the command line."""

from enum import Enum, auto
from typing import NamedTuple

CLOSED = "closed"
"""What `Window.key` returns once the user has closed the window."""


class Action(Enum):
    """What a key does."""

    NEXT_STYLE = auto()
    PREVIOUS_STYLE = auto()
    STRONGER = auto()
    WEAKER = auto()
    LARGER_STROKES = auto()
    FINER_STROKES = auto()
    COLORS = auto()
    ORIGINAL = auto()
    BEFORE_AFTER = auto()
    SNAPSHOT = auto()
    RECORD = auto()
    MIRROR = auto()
    TIMELINE = auto()
    FULL_SCREEN = auto()
    INFORMATION = auto()
    HELP = auto()
    QUIT = auto()


class KeyRow(NamedTuple):
    """One row of the help."""

    label: str
    """For the help panel; empty for a row that it does not show."""
    does: str
    brief: str
    """Keys and what they do, for one line with all keys."""
    actions: dict[str, Action]
    """By the name of the key, as `Window.key` returns it."""


KEY_ROWS = (
    KeyRow(
        "n / p / arrows",
        "next, previous style",
        "n p or arrows style",
        {
            "n": Action.NEXT_STYLE,
            "right": Action.NEXT_STYLE,
            "p": Action.PREVIOUS_STYLE,
            "left": Action.PREVIOUS_STYLE,
        },
    ),
    KeyRow(
        "+ / -",
        "stronger, weaker",
        "+ - strength",
        {
            **dict.fromkeys(("+", "=", "up"), Action.STRONGER),
            **dict.fromkeys(("-", "_", "down"), Action.WEAKER),
        },
    ),
    KeyRow("] / [", "larger, finer strokes", "] [ strokes", {"]": Action.LARGER_STROKES, "[": Action.FINER_STROKES}),
    KeyRow("c", "photo's or style's colours", "c colours", {"c": Action.COLORS}),
    KeyRow("space", "original image", "space original", {"space": Action.ORIGINAL}),
    KeyRow("b", "before | after", "b before and after", {"b": Action.BEFORE_AFTER}),
    KeyRow("s", "snapshot", "s snapshot", {"s": Action.SNAPSHOT}),
    KeyRow("r", "record", "r record", {"r": Action.RECORD}),
    KeyRow("m", "mirror", "m mirror", {"m": Action.MIRROR}),
    KeyRow("t", "timeline on, off", "t timeline", {"t": Action.TIMELINE}),
    KeyRow("f", "full screen", "f full screen", {"f": Action.FULL_SCREEN}),
    KeyRow("i", "this information", "i information", {"i": Action.INFORMATION}),
    KeyRow("", "these keys", "h help", {"h": Action.HELP}),
    KeyRow("q / Esc", "quit", "q quit", dict.fromkeys(("q", "escape", CLOSED), Action.QUIT)),
)

KEYS_TEXT = f"Keys: {', '.join(row.brief for row in KEY_ROWS)}."
"""All keys on one line."""

_ACTIONS = {key: action for row in KEY_ROWS for key, action in row.actions.items()}


def action_of(key: str) -> Action | None:
    """What a key does; None if nothing. Capital letters count as small ones.

    Examples:
        >>> action_of("Q")
        <Action.QUIT: 17>
    """
    return _ACTIONS.get(key if len(key) > 1 else key.lower())
