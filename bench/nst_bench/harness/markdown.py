"""Numbers as Markdown: tables and shares."""

from collections.abc import Iterable, Sequence


def table(head: str | Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; a column whose name ends in ` >` is aligned to the right. Empty without rows.

    Names and cells may hold any text: line breaks become spaces, bars become slashes.

    Args:
        head: the names of the columns, or one text with bars between them.
    """
    names = [_plain(name) for name in (head.split("|") if isinstance(head, str) else head)]
    lines = [_line(map(_plain, row)) for row in rows]
    if not lines:
        return ""
    rule = "|" + "|".join("---:" if name.endswith(" >") else "---" for name in names) + "|"
    return "\n".join([_line(name.removesuffix(" >") for name in names), rule, *lines])


def percent(share: float | None) -> str:
    """`12.3 %` for a share from 0 to 1; empty for None."""
    return "" if share is None else f"{share * 100:.1f} %"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(cell: object) -> str:
    return " ".join(str(cell).replace("|", "/").split())
