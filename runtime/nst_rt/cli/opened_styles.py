"""The styles that `nst-rt image` paints in: all are opened, and found to be there, before any work is done."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nst_rt.cli.controls import Controls

if TYPE_CHECKING:
    from nst_rt.cli.controls import Load
    from nst_rt.masked_stylizer import MaskedStylizer
    from nst_rt.stylizer import Stylizer


@dataclass(frozen=True)
class OpenedStyle:
    """One style; those of one network share its stylizer."""

    controls: Controls
    stylizer: "Stylizer"
    style: str
    """What the stylizer's is while this one's turn lasts."""
    tag: str
    """In the names of results, see `Controls.result_tag`; no two have the same."""

    def begin(self, opened: ExitStack, load: "Load") -> "Stylizer | MaskedStylizer":
        """What paints in this style, until another one begins; see `Controls.masked`."""
        if self.stylizer.style != self.style:
            self.stylizer.style = self.style
        return self.controls.masked(self.stylizer, opened, load)


def open_styles(
    chosen: Sequence[Controls],
    opened: ExitStack,
    load: "Load",
    model: str | None,
    **settings: float | str | None,
) -> list[OpenedStyle]:
    """Open every style, and each network once.

    Args:
        opened: closes what is opened here.
        settings: as for `Controls.result_tag`.

    Raises:
        NstError: as `Stylizer.load`.
    """
    from nst_rt.stylizer import model_of_style

    stylizers: dict[Path | None, Stylizer] = {}
    styles: list[OpenedStyle] = []
    for controls in chosen:
        own = model_of_style(controls.style) if controls.style and model is None else None
        network = own.path if own else None
        if network not in stylizers:
            stylizers[network] = opened.enter_context(controls.load(load, model))
        elif own is None and controls.style:
            stylizers[network].style = controls.style
        stylizer = stylizers[network]
        wanted = tag = controls.result_tag(stylizer, **settings)
        number, taken = 1, {style.tag.casefold() for style in styles}
        while tag.casefold() in taken:
            number += 1
            tag = f"{wanted}-{number}"
        styles.append(OpenedStyle(controls, stylizer, stylizer.style, tag))
    return styles


def tags_of_results(styles: Sequence[OpenedStyle]) -> set[str]:
    """What the names of results can say of their styles: these ones, and everything that has a name of its own."""
    from nst_rt.models import list_models
    from nst_rt.naming import style_tag

    names = [name for style in styles for name in style.stylizer.styles]
    return {
        "none",
        *(style_tag(name) for name in (*names, *(files.name for files in list_models()))),
        *(style.controls.tag(style.style) for style in styles),
    }
