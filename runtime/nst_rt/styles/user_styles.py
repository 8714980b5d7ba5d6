"""The user styles of a model: finding, adding and removing them."""

import json
import logging
import re
from dataclasses import replace
from pathlib import Path

from nst_rt.contract import ModelRecord
from nst_rt.errors import OutputError, StyleError, did_you_mean
from nst_rt.files.atomic import refuse_unwritable, replacing, why_not_written
from nst_rt.files.folders import styles_folder
from nst_rt.models.catalog import BUILT_IN, ModelFiles, list_models
from nst_rt.styles.regions import is_photograph
from nst_rt.styles.styles_file import Style, read_styles, styles_text

log = logging.getLogger("nst_rt")

LONGEST = 60
"""The most characters of a style's name, which is also the name of its file."""


def user_style_folder(files: ModelFiles) -> Path:
    """The folder of a model's user styles, JSON files with one or several each. It may not exist yet."""
    return styles_folder() / files.network


def user_style_files(files: ModelFiles) -> list[Path]:
    """The files of the user styles, in the order in which they are read."""
    folder = user_style_folder(files)
    return sorted(folder.glob("*.json")) if folder.is_dir() else []


def user_styles(files: ModelFiles) -> list[Style]:
    """The user styles of a model, also those of another network; a broken file is left out with a warning."""
    found: list[Style] = []
    for path in user_style_files(files):
        try:
            found += [replace(style, user_file=str(path)) for style in read_styles(path)]
        except StyleError as error:
            log.warning("%s; left out", error)
    return found


def check_name(name: str, files: ModelFiles, *, overwrite: bool = False) -> Path:
    """Check the name of a new user style before any work is done for it; returns the file for the style.

    Args:
        overwrite: the name may be taken, by a user style or by a style of the model, which then is hidden.

    Raises:
        StyleError: the name cannot be used, or is taken.
        OutputError: the file cannot be written. Its folder is made here.
    """
    if not re.fullmatch(r"\w[\w-]*", name) or len(name) > LONGEST:
        raise StyleError(
            f"{name!r} cannot be the name of a style. Use letters, digits, - and _, at most {LONGEST}", parameter="name"
        )
    if is_photograph(name):
        raise StyleError(
            f"{name!r} stands for the unchanged image in the regions of masks. Take another name", parameter="name"
        )
    if name in [other.name for other in list_models()] and name != BUILT_IN:
        raise StyleError(f"{name!r} is the name of a model. Take another name", parameter="name")
    path = user_style_folder(files) / f"{name}.json"
    if not overwrite:
        if name in [style.name for style in user_styles(files)] or path.exists():
            raise StyleError(
                f"there is a user style {name!r} already. Take another name, or overwrite the style", parameter="name"
            )
        if files.styles and name in [style.name for style in read_styles(files.styles)]:
            raise StyleError(
                f"{name!r} is a style of {files.name} itself. Take another name, or overwrite it; removing yours "
                "restores the model's",
                parameter="name",
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(why_not_written(path, error)) from error
    refuse_unwritable(path)
    return path


def save_style(style: Style, files: ModelFiles, record: ModelRecord) -> Path:
    """Save a user style, completely or not at all; one of the same name is replaced. Returns its file.

    Args:
        files, record: the model that the vector belongs to.

    Raises:
        StyleError: the name cannot be used.
        OutputError: the file cannot be written.
    """
    path = check_name(style.name, files, overwrite=True)
    with replacing(path) as temporary:
        temporary.write_text(styles_text([style], record.source_sha256), encoding="utf-8")
    for other in user_style_files(files):
        if other != path:
            _take_out(style.name, other)  # a file that is read later would win
    return path


def remove_style(name: str, files: ModelFiles) -> list[Path]:
    """Remove a user style, also one of another network; returns the files that it was in.

    Raises:
        StyleError: no user style has the name.
        OutputError: a file cannot be changed.
    """
    changed = [path for path in user_style_files(files) if _take_out(name, path)]
    if not changed:
        own = sorted({style.name for style in user_styles(files)})
        hint = f"User styles are {', '.join(own)}" if own else "There are no user styles"
        raise StyleError(f"{files.name} has no user style {name!r}{did_you_mean(name, own)}. {hint}", parameter="name")
    return changed


def _take_out(name: str, path: Path) -> bool:
    """Remove a style from a file, and the file itself where no style is left; False if the style is not in it."""
    try:
        styles = read_styles(path)
    except StyleError:
        if path.stem != name:
            return False  # loading the styles warns of such a file
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
