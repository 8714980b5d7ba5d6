"""The user's own styles: adding one to a model, taking one away."""

import json
import re
from pathlib import Path

from nst_rt.contract import ModelRecord
from nst_rt.errors import OutputError, StyleError, did_you_mean
from nst_rt.files.atomic import refuse_unwritable, replacing, why_not_written
from nst_rt.models.catalog import BUILT_IN, ModelFiles, list_models
from nst_rt.styles.library import Style, read_styles, styles_text, user_style_files, user_style_folder, user_styles
from nst_rt.styles.regions import is_photograph

LONGEST = 60
"""Characters of a style's name, which is also a file's."""


def check_name(name: str, files: ModelFiles, *, overwrite: bool = False) -> Path:
    """Refuse a name before any work is done for it; returns the file that the style will be in.

    Args:
        overwrite: the name may be that of another style, the model's own included, which then is hidden.

    Raises:
        StyleError: no name for a style, or taken.
        OutputError: the file could not be written; its folder is made here.
    """
    if not re.fullmatch(r"\w[\w-]*", name) or len(name) > LONGEST:
        raise StyleError(
            f"{name!r} is no name for a style: blends and file names are made of it. Use letters, digits, - and _, at "
            f"most {LONGEST}"
        )
    if is_photograph(name):
        raise StyleError(f"{name!r} stands for the image as it is, in masks' regions. Take another --name")
    if name in [other.name for other in list_models()] and name != BUILT_IN:
        raise StyleError(f"{name!r} is a model, and --style {name} means that. Take another --name")
    path = user_style_folder(files) / f"{name}.json"
    if not overwrite:
        if name in [style.name for style in user_styles(files)] or path.exists():
            raise StyleError(
                f"there is a style {name!r} of yours already. Take another --name, --overwrite to replace it, or "
                f"`nst-rt remove-style {name}` first"
            )
        if files.styles and name in [style.name for style in read_styles(files.styles)]:
            raise StyleError(
                f"{name!r} is a style of {files.name} itself. Take another --name, or --overwrite to have yours in its "
                f"place (`nst-rt remove-style {name}` brings it back)"
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(why_not_written(path, error)) from error
    refuse_unwritable(path)
    return path


def save_style(style: Style, files: ModelFiles, record: ModelRecord) -> Path:
    """Add a style to the user's own, whole or not at all; one of the same name is replaced. Returns its file.

    Args:
        files, record: the model that the vector belongs to.

    Raises:
        StyleError: no name for a style.
        OutputError: it cannot be written.
    """
    path = check_name(style.name, files, overwrite=True)
    with replacing(path) as temporary:
        temporary.write_text(styles_text([style], record.source_sha256), encoding="utf-8")
    for other in user_style_files(files):
        if other != path:
            _take_out(style.name, other)  # or a file that is read later would win
    return path


def remove_style(name: str, files: ModelFiles) -> list[Path]:
    """Remove one of the user's own styles, whichever network it was made for; returns the files it was in.

    Raises:
        StyleError: no style of the user's own has the name.
        OutputError: a file cannot be changed.
    """
    changed = [path for path in user_style_files(files) if _take_out(name, path)]
    if not changed:
        own = sorted({style.name for style in user_styles(files)})
        hint = f"Yours are {', '.join(own)}" if own else "You have added none (`nst-rt add-style`)"
        raise StyleError(f"no style of your own of {files.name} is named {name!r}{did_you_mean(name, own)}. {hint}")
    return changed


def _take_out(name: str, path: Path) -> bool:
    """Take a style out of a file, and the file away where nothing is left; False if it is not in there."""
    try:
        styles = read_styles(path)
    except StyleError:
        if path.stem != name:
            return False  # reading the library warns of it
        styles = []
    else:
        if name not in [style.name for style in styles]:
            return False
    try:
        if all(style.name == name for style in styles):
            path.unlink()
            return True
    except OSError as error:
        raise OutputError(why_not_written(path, error)) from error
    content = json.loads(path.read_text(encoding="utf-8"))
    content["styles"] = [entry for entry in content["styles"] if entry["name"] != name]
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return True
