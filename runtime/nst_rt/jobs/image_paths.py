"""Which images a job reads, and what each result is called; decided before any work is done."""

import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nst_rt.errors import InputError, OutputError
from nst_rt.files.naming import check_not_taken
from nst_rt.files.paths import exists, is_folder, local_path

STREAM = Path("-")
"""Stands for stdin among the inputs and for stdout as the output."""


@dataclass(frozen=True)
class Found:
    """An image to read, and its folder below the one that was named (`.` for an image named itself)."""

    path: Path
    folder: Path = Path()
    named: bool = True
    """The image itself was named, not only a folder that holds it."""


@dataclass(frozen=True)
class ImageTask:
    """An image to read and the file to write."""

    source: Path
    target: Path


def find_images(names: Sequence[str], *, recursive: bool, suffixes: Iterable[str], avoid: Path | None) -> list[Found]:
    """Turn files, folders and globs into images, each once, folders sorted by name.

    Args:
        names: what the user named; `-` is stdin. A missing file is kept: reading it tells what is wrong.
        recursive: go into folders within folders. Links to folders are not followed, hidden names are skipped.
        suffixes: by which a folder's images are known, in lower case.
        avoid: the folder of results, which a walk leaves out.

    Raises:
        InputError: a folder without images, a glob that matches nothing, an address, `-` twice.
    """
    suffixes = frozenset(suffixes)
    found: list[Found] = []
    for name in names:
        path = local_path(name)
        if path == STREAM:
            found.append(Found(STREAM))
        elif is_folder(path):
            images = _in_folder(path, recursive, suffixes, avoid)
            if not images:
                more = "" if recursive else "; recursive looks into the folders within"
                raise InputError(
                    f"{name}: no images in this folder{more}. Name another one",
                    parameter="" if recursive else "recursive",
                )
            found += images
        elif glob.has_magic(name) and not exists(path):
            matches = sorted(match for match in glob.glob(name, recursive=True) if Path(match).is_file())  # noqa: PTH207
            if not matches:
                raise InputError(f"{name}: matches no file. Check the pattern")
            found += [Found(Path(match)) for match in matches]
        else:
            found.append(Found(path))
    if sum(one.path == STREAM for one in found) > 1:
        raise InputError("- (stdin) can be read once. Name it once")
    once: dict[str, Found] = {}
    for one in reversed(found):
        key = os.path.realpath(one.path) if one.path != STREAM else "-"
        once[key] = replace(one, named=one.named or (key in once and once[key].named))
    return list(once.values())[::-1]


def without_results(found: Sequence[Found], names: re.Pattern[str]) -> tuple[list[Found], list[Found]]:
    """Part images from what an earlier run wrote beside them: `photo.gogh.jpg` where there is a photo.jpg.

    Args:
        names: all of what follows an image's own name in that of its result, between the dots.

    Returns:
        The images, and the results among them. What was named itself is no result.
    """
    originals = {(one.path.parent, one.path.stem) for one in found}
    kept: list[Found] = []
    left: list[Found] = []
    for one in found:
        stem = one.path.stem
        dots = [at for at, character in enumerate(stem) if character == "."]
        made = any((one.path.parent, stem[:at]) in originals and names.fullmatch(stem, at + 1) for at in dots)
        (left if made and not one.named else kept).append(one)
    return kept, left


def _in_folder(top: Path, recursive: bool, suffixes: frozenset[str], avoid: Path | None) -> list[Found]:
    found = []
    for folder, inner, files in os.walk(top):
        here = Path(folder)
        inner[:] = sorted(
            name
            for name in inner
            if recursive and not name.startswith(".") and not (avoid and _same(here / name, avoid))
        )
        found += [
            Found(here / name, here.relative_to(top), named=False)
            for name in sorted(files)
            if Path(name).suffix.lower() in suffixes and not name.startswith(".")
        ]
    return found


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def is_batch(names: Sequence[str], found: Sequence[Found]) -> bool:
    """Several results are to be expected, now or the next time the same line is run."""
    return len(found) > 1 or is_folder(Path(names[0])) or (glob.has_magic(names[0]) and not exists(Path(names[0])))


def folder_of_results(found: Sequence[Found], output: Path | None, writable: Iterable[str]) -> Path:
    """The folder that several results go to, made or not.

    Args:
        writable: endings of images, which no folder is made with.

    Raises:
        OutputError: `output` is missing, or no folder and no place for one; or stdin is among the images.
    """
    several = "several images" if len(found) > 1 else "several results"
    if any(one.path == STREAM for one in found):
        raise OutputError("- (stdin) goes alone, not with other images or several styles. Make two runs of it")
    if output is None:
        raise OutputError(f"{several} need a folder. Give one as the output", parameter="output")
    if output == STREAM:
        raise OutputError(f"{several} do not go to stdout. Give a folder as the output", parameter="output")
    if not is_folder(output) and (exists(output) or output.suffix.lower() in frozenset(writable)):
        raise OutputError(f"{output}: a file, and {several} need a folder. Give one as the output", parameter="output")
    _require_place(output)
    return output


def _require_place(folder: Path) -> None:
    if not is_folder(folder.resolve().parent):
        raise OutputError(f"{folder}: there is no folder {folder.resolve().parent}. Make it first")


def plan_batch(
    found: Sequence[Found], output: Path, suffix: str | None, writable: Iterable[str], *, tag: str = ""
) -> list[ImageTask]:
    """Name the results of several images: the images' own names, in the folder `output`.

    Folders within folders are kept. Where two results would get one name, the later ones are numbered: a.png, a-2.png.

    Args:
        tag: comes between the name and the suffix, where the images get several results each.

    Raises:
        OutputError: a result would replace an input.
    """
    writable = frozenset(writable)
    taken: set[str] = set()
    jobs = []
    for one in found:
        folder, stem = output / one.folder, one.path.stem
        ending = f"{tag and '.'}{tag}{suffix or _kept(one.path, writable)}"
        target, number = folder / f"{stem}{ending}", 1
        while str(target).casefold() in taken:
            number += 1
            target = folder / f"{stem}-{number}{ending}"
        taken.add(str(target).casefold())
        jobs.append(ImageTask(one.path, target))
    sources = {os.path.realpath(job.source) for job in jobs}
    for job in jobs:
        if os.path.realpath(job.target) in sources:
            raise OutputError(
                f"{job.target}: is one of the images to read. Give another folder as the output", parameter="output"
            )
    return jobs


def plan_one(
    source: Path,
    output: Path | None,
    tag: str,
    suffix: str | None,
    writable: Iterable[str],
    *,
    folder: bool = False,
    inputs: Sequence[Path] = (),
    overwrite: bool,
) -> ImageTask:
    """Name the result of one image: `photo.STYLE.jpg` beside photo.jpg, or what `output` says.

    Args:
        folder: `output` is meant as one, made or not.
        inputs: files that are read too.

    Raises:
        OutputError: the result exists and may not be replaced; or there is no place for the folder.
    """
    if output is None and source == STREAM:
        output = STREAM
    if output == STREAM:
        return ImageTask(source, STREAM)
    ending = suffix or _kept(source, frozenset(writable))
    if output is None:
        output = source.with_name(f"{source.stem}.{tag}{ending}")
    elif folder or is_folder(output):
        if exists(output) and not is_folder(output):
            raise OutputError(
                f"{output}: a file, not a folder. Leave the slash at its end out, or give another output",
                parameter="output",
            )
        _require_place(output)
        output = output / f"{'stdin' if source == STREAM else source.stem}{ending}"
    check_not_taken(output, [source, *inputs], overwrite=overwrite)
    return ImageTask(source, output)


def _kept(source: Path, writable: frozenset[str]) -> str:
    return source.suffix if source.suffix.lower() in writable else ".png"
