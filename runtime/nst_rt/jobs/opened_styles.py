"""The styles that `nst-rt image` paints in: all are opened, and found to be there, before any work is done."""

import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nst_rt.jobs.style_request import USUAL, Controls

SHEET_TAG = "styles"
"""In the name of a sheet of all styles: photo.styles.jpg."""

if TYPE_CHECKING:
    from nst_rt.jobs.style_request import Load
    from nst_rt.stylizer.masked_stylizer import MaskedStylizer
    from nst_rt.stylizer.stylizer import Stylizer


@dataclass(frozen=True)
class OpenedStyle:
    """One style; those of one network share its stylizer."""

    controls: Controls
    stylizer: "Stylizer"
    stylize: "Stylizer | MaskedStylizer"
    """The stylizer behind its mask; itself if there is none."""
    style: str
    """What the stylizer's is while this one's turn lasts."""
    tag: str
    """In the names of results, see `Controls.result_tag`; no two have the same."""

    def begin(self) -> "Stylizer | MaskedStylizer":
        """What paints in this style, until another one begins."""
        if self.stylizer.style != self.style:
            self.stylizer.style = self.style
        return self.stylize


def open_styles(
    chosen: Sequence[Controls],
    opened: ExitStack,
    load: "Load",
    model: str | None,
    **settings: float | str | None,
) -> list[OpenedStyle]:
    """Open every style with what is beside it behind the mask, and each network and the mask once.

    Args:
        chosen: of one mask, its labels and its edges.
        opened: closes what is opened here.
        settings: as for `Controls.result_tag`.

    Raises:
        NstError: as `Stylizer.load` and `Controls.masked`.
    """
    from nst_rt.stylizer.stylizer import model_of_style

    stylizers: dict[Path | None, Stylizer] = {}
    found: list[tuple[Controls, Stylizer, str]] = []
    for controls in chosen:
        own = model_of_style(controls.style) if controls.style and model is None else None
        network = own.path if own else None
        if network not in stylizers:
            stylizers[network] = opened.enter_context(controls.load(load, model))
        elif own is None and controls.style:
            stylizers[network].style = controls.style
        found.append((controls, stylizers[network], stylizers[network].style))
    mask, load = chosen[0].read_mask(opened), cache(load)
    styles: list[OpenedStyle] = []
    for controls, stylizer, style in found:
        number, taken = 1, {one.tag.casefold() for one in styles}
        while (tag := controls.result_tag(stylizer, style, number=number, **settings)).casefold() in taken:
            number += 1
        stylize = controls.masked(stylizer, opened, load, mask=mask)
        styles.append(OpenedStyle(controls, stylizer, stylize, style, tag))
    return styles


def names_of_results(styles: Sequence[OpenedStyle]) -> re.Pattern[str]:
    """What `Controls.result_tag` writes for these styles, and for everything that has a name of its own."""
    from nst_rt.engine.session_cache import PRECISIONS
    from nst_rt.files.naming import style_tag
    from nst_rt.models.catalog import list_models
    from nst_rt.styles.color_matching import METHODS

    def any_of(words: Iterable[str]) -> str:
        return f"(?:{'|'.join(map(re.escape, words))})"

    own = [name for style in styles for name in style.stylizer.styles]
    names = {SHEET_TAG, *map(style_tag, (*own, *(files.name for files in list_models())))}
    number = r"\d+(?:\.\d+)?(?:e-?\d+)?"
    term = rf"{any_of(names)}(?:-\d{{1,2}}(?:\.\d+)?)?"  # a weight; or the number of a name that two styles have
    style = rf"{term}(?:\+{term})*"
    regions = rf"(?:none-)*{style}(?:-(?:none|{style}))*"
    these = rf"{any_of(style.controls.tag(style.style) for style in styles)}(?:-\d{{1,2}})?"
    settings = any_of(name.replace("_", "-") for name in USUAL)
    value = rf"(?:{number}|{any_of((*PRECISIONS, *METHODS))})"
    return re.compile(rf"(?:{regions}|{these})(?:\.{settings}-{value})*")
