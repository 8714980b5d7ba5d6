"""What `pipe` and `share` ask about raw frames, and checking it."""

import re
from collections.abc import Iterable
from typing import Annotated

import typer

MatrixOption = Annotated[
    str,
    typer.Option(
        "--matrix",
        metavar="NAME",
        help="Of YUV: bt601, bt709, or auto: BT.709 if both sides have 720 pixels or more, else BT.601.",
    ),
]


def check_choice(option: str, given: str, known: Iterable[str]) -> None:
    """Refuse what is not one of `known`."""
    if given not in known:
        raise typer.BadParameter(f"{given!r} is not one of {', '.join(known)}", param_hint=option)


def parse_sides(size: str) -> tuple[int, int]:
    """Width and height of `--size`; whether a frame can have them is not looked at."""
    found = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", size, re.ASCII)
    if found is None:
        raise typer.BadParameter(f"{size!r} is no size. Write it as 1280x720", param_hint="--size")
    return int(found[1]), int(found[2])
