"""Which pictures `nst-rt image` reads, and what each result is called; decided before any work is done."""

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nst_rt.errors import InputError, OutputError
from nst_rt.naming import check_not_taken, exists, is_folder

STREAM = Path("-")
"""Stands for stdin among the inputs and for stdout as the output."""


@dataclass(frozen=True)
class Found:
    """A picture to read, and its folder below the one that was named (`.` for a picture named itself)."""

    path: Path
    folder: Path = Path()


@dataclass(frozen=True)
class Job:
    """A picture to read and the file to write."""

    source: Path
    target: Path


def find_pictures(names: Sequence[str], *, recursive: bool, suffixes: Iterable[str], avoid: Path | None) -> list[Found]:
    """Turn files, folders and globs into pictures, each once, folders sorted by name.

    Args:
        names: what the user named; `-` is stdin. A missing file is kept: reading it tells what is wrong.
        recursive: go into folders within folders. Links to folders are not followed, hidden names are skipped.
        suffixes: by which a folder's pictures are known, in lower case.
        avoid: the folder of results, which a walk leaves out.

    Raises:
        InputError: a folder without pictures, a glob that matches nothing, `-` twice.
    """
    suffixes = frozenset(suffixes)
    found: list[Found] = []
    for name in names:
        path = Path(name)
        if path == STREAM:
            found.append(Found(STREAM))
        elif is_folder(path):
            pictures = _in_folder(path, recursive, suffixes, avoid)
            if not pictures:
                more = "" if recursive else "; --recursive looks into the folders within"
                raise InputError(f"{name}: no pictures in this folder{more}. Name another one")
            found += pictures
        elif glob.has_magic(name) and not exists(path):
            matches = sorted(match for match in glob.glob(name, recursive=True) if Path(match).is_file())  # noqa: PTH207
            if not matches:
                raise InputError(f"{name}: matches no file. Check the pattern")
            found += [Found(Path(match)) for match in matches]
        else:
            found.append(Found(path))
    if sum(one.path == STREAM for one in found) > 1:
        raise InputError("- (stdin) can be read once. Name it once")
    return list({os.path.realpath(one.path) if one.path != STREAM else "-": one for one in reversed(found)}.values())[
        ::-1
    ]


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
            Found(here / name, here.relative_to(top))
            for name in sorted(files)
            if Path(name).suffix.lower() in suffixes and not name.startswith(".")
        ]
    return found


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def is_batch(names: Sequence[str], found: Sequence[Found]) -> bool:
    """Several results are to be expected, now or the next time the same line is run."""
    return len(found) > 1 or is_folder(Path(names[0])) or (glob.has_magic(names[0]) and not exists(Path(names[0])))


def plan_batch(found: Sequence[Found], output: Path | None, suffix: str | None, writable: Iterable[str]) -> list[Job]:
    """Name the results of several pictures: the pictures' own names, in the folder `output`.

    Folders within folders are kept. Where two results would get one name, the later ones are numbered: a.png, a-2.png.

    Raises:
        OutputError: `output` is missing or not a folder, its parent is missing, or a result would replace an input.
    """
    if output is None:
        raise OutputError("several pictures need a folder for the results. Give -o FOLDER")
    if any(one.path == STREAM for one in found):
        raise OutputError("- (stdin) goes alone, not with other pictures. Run nst-rt twice")
    if output == STREAM:
        raise OutputError("several pictures do not go to stdout. Give -o FOLDER")
    if exists(output) and not is_folder(output):
        raise OutputError(f"{output}: a file, and several pictures need a folder. Give -o FOLDER")
    if not is_folder(output.resolve().parent):
        raise OutputError(f"{output}: there is no folder {output.resolve().parent}. Make it first")
    writable = frozenset(writable)
    taken: set[str] = set()
    jobs = []
    for one in found:
        folder, stem, ending = output / one.folder, one.path.stem, suffix or _kept(one.path, writable)
        target, number = folder / f"{stem}{ending}", 1
        while str(target).casefold() in taken:
            number += 1
            target = folder / f"{stem}-{number}{ending}"
        taken.add(str(target).casefold())
        jobs.append(Job(one.path, target))
    sources = {os.path.realpath(job.source) for job in jobs}
    for job in jobs:
        if os.path.realpath(job.target) in sources:
            raise OutputError(f"{job.target}: is one of the pictures to read. Give another folder with -o")
    return jobs


def plan_one(
    source: Path, output: Path | None, tag: str, suffix: str | None, writable: Iterable[str], *, overwrite: bool
) -> Job:
    """Name the result of one picture: `photo.STYLE.jpg` beside photo.jpg, or what `output` says.

    Raises:
        OutputError: the result exists and may not be replaced.
    """
    if output is None and source == STREAM:
        output = STREAM
    if output == STREAM:
        return Job(source, STREAM)
    ending = suffix or _kept(source, frozenset(writable))
    if output is None:
        output = source.with_name(f"{source.stem}.{tag}{ending}")
    elif is_folder(output):
        output = output / f"{'stdin' if source == STREAM else source.stem}{ending}"
    check_not_taken(output, [source], overwrite=overwrite)
    return Job(source, output)


def _kept(source: Path, writable: frozenset[str]) -> str:
    return source.suffix if source.suffix.lower() in writable else ".png"
