"""The nearest known name to a mistyped one."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'gogh'?)` or an empty string: to be put behind the statement that `name` is unknown."""
    nearest = difflib.get_close_matches(name.lower(), [str(other) for other in known], n=1, cutoff=0.5)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""
