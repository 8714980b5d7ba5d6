"""What `pipe` and `share` ask about raw frames, and checking it."""

import re
from collections.abc import Iterable
from typing import Annotated

import typer
from typer.models import OptionInfo

from nst_rt.cli.option_fields import option

MatrixOption = Annotated[
    str,
    option(
        "--matrix",
        "Of YUV: bt601, bt709, or auto: BT.709 if both sides have 720 pixels or more, else BT.601.",
        metavar="NAME",
    ),
]


def size_option(help: str) -> OptionInfo:
    """`--size` of raw frames."""
    return option("--size", help, metavar="WxH", show_default=False)


def range_option(auto: str) -> OptionInfo:
    """`--range` of raw frames.

    Args:
        auto: which range `auto` takes.
    """
    return option("--range", f"Of YUV and gray: limited (16 to 235), full, or auto: {auto}.", metavar="NAME")


def check_colors(matrix: str, range: str) -> None:
    """Refuse a matrix or a range that there is not."""
    from nst_rt.media.raw_frames.color_matrix import MATRICES, RANGES

    check_choice("--matrix", matrix, ("auto", *MATRICES))
    check_choice("--range", range, ("auto", *RANGES))


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
