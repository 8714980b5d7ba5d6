"""The named styles of a model: those that came with it, and the user's own."""

import logging
from collections.abc import Iterable

from nst_rt.errors import StyleError, did_you_mean
from nst_rt.models.catalog import ModelFiles, list_models
from nst_rt.styles.styles_file import Style, read_styles
from nst_rt.styles.user_styles import user_styles

log = logging.getLogger("nst_rt")


def load_styles(files: ModelFiles, size: int | None = None, source_sha256: str = "") -> dict[str, Style]:
    """The named styles of a model: those beside its file, and the user's own, which win where names are the same.

    A broken file of the user's is left out with a warning, so that the other styles still work.

    Args:
        size: the length of the model's style vectors; styles of another length are left out with a warning.
        source_sha256: as in the model's record; user styles of another network are left out, with a warning that
            names the image that they were made from.

    Raises:
        StyleError: the styles file beside the model is malformed, or cannot be read.

    Examples:
        >>> from nst_rt import find_model, load_styles
        >>> load_styles(find_model("conditional"))["gogh"].title
        'The Starry Night'
    """
    styles: dict[str, Style] = {}
    for style in [*(read_styles(files.styles) if files.styles else []), *user_styles(files)]:
        if _fits(style, size, source_sha256):
            styles[style.name] = style
        else:
            log.warning("style %r of %s belongs to another network, left out%s", style.name, files.name, _again(style))
    return styles


def _fits(style: Style, size: int | None, source_sha256: str) -> bool:
    other = style.user_file and style.source_sha256 and source_sha256 and style.source_sha256 != source_sha256
    return not other and size in (None, style.vector.size)


def _again(style: Style) -> str:
    if not (style.user_file and style.painting):
        return ""
    return f". Add it again from {style.painting}"


def unknown_style(name: str, known: Iterable[str]) -> StyleError:
    """The error for a style that does not exist; it suggests the nearest name."""
    parts = [part.strip() for part in name.split(",")]
    if len(parts) > 1 and all(parts):
        return StyleError(
            f"no style named {name!r}. Give one style at a time, or join them to a blend by +, as {'+'.join(parts)}",
            parameter="style",
        )
    if any(name == files.name for files in list_models()):
        return StyleError(f"{name!r} is a model, not a style. Give it as the model", parameter="style")
    return StyleError(
        f"no style named {name!r}{did_you_mean(name, known)}. Give one of the model's styles, or an image file where "
        "the model has a style encoder",
        parameter="style",
    )
