"""Names of results: the style and the settings that stand between an image's name and its suffix."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nst_rt.files.naming import style_tag
from nst_rt.jobs.stylizer_options import StylizerOptions

if TYPE_CHECKING:
    from nst_rt.jobs.opened_style import OpenedStyle
    from nst_rt.jobs.style_request import StyleRequest

SHEET_TAG = "styles"
"""In the name of a sheet of all styles: photo.styles.jpg."""

SETTINGS = ("strength", "color", "stroke_size", "size", "start", "duration", "precision", "match_colors", "feather")
"""Settings that join the style where they differ from their defaults. The model and the mask's file do not join."""


def result_tag(opened: "OpenedStyle", *, number: int = 1, **settings: float | None) -> str:
    """What stands between an image's or video's own name and the suffix in the name of its result.

    Args:
        number: from 2 on it joins the styles, where others have the same name: `sky-2`.
        settings: of the job, beside the options: `size`, `start`, `duration`; None where they were not given. One that
            has a value joins the styles: `gogh.strength-0.5.color-0`.
    """
    tags = [_styles_tag(opened.request, opened.style or str(opened.describe().get("model", "")))]
    if number > 1:
        tags[0] += f"-{number}"
    for name in SETTINGS:
        value = settings.get(name, getattr(opened.request.options, name, None))
        if value != getattr(StylizerOptions, name, None):
            text = f"{value:.12g}" if isinstance(value, float) else value
            tags.append(style_tag(f"{name.replace('_', '-')}-{text}"))
    return ".".join(tags)


def distinct_tags(styles: "Sequence[OpenedStyle]", **settings: float | None) -> list[str]:
    """The `result_tag` of every style, numbered where two would be the same."""
    tags: dict[str, str] = {}
    for opened in styles:
        number = 1
        while (tag := result_tag(opened, number=number, **settings)).casefold() in tags:
            number += 1
        tags[tag.casefold()] = tag
    return list(tags.values())


def names_of_results(styles: "Sequence[OpenedStyle]") -> re.Pattern[str]:
    """What `result_tag` writes for these styles, and for everything that has a name of its own."""
    from nst_rt.engine.session_cache import PRECISIONS
    from nst_rt.models.catalog import list_models
    from nst_rt.styles.color_matching import METHODS

    own = [name for opened in styles for name in opened.stylizer.styles]
    names = {SHEET_TAG, *map(style_tag, (*own, *(files.name for files in list_models())))}
    number = r"\d+(?:\.\d+)?(?:e-?\d+)?"
    term = rf"{_any_of(names)}(?:-\d{{1,2}}(?:\.\d+)?)?"  # a weight; or the number of a name that two styles have
    style = rf"{term}(?:\+{term})*"
    regions = rf"(?:none-)*{style}(?:-(?:none|{style}))*"
    these = rf"{_any_of(_styles_tag(opened.request, opened.style) for opened in styles)}(?:-\d{{1,2}})?"
    settings = _any_of(name.replace("_", "-") for name in SETTINGS)
    value = rf"(?:{number}|{_any_of((*PRECISIONS, *METHODS))})"
    return re.compile(rf"(?:{regions}|{these})(?:\.{settings}-{value})*")


def _styles_tag(request: "StyleRequest", style: str) -> str:
    """The styles; `style` is the opened stylizer's."""
    own = style_tag(style)
    if request.timeline:
        played = "-".join(style_tag(entry.style) for entry in request.timeline.entries)
        own = style_tag(f"timeline-{played}")
    if request.options.mask is None:
        return own
    tags = [own if at == request.follows else style_tag(name or "none") for at, name in enumerate(request.styles)]
    return "-".join(tags)[:80]


def _any_of(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, words))})"
