"""What is measured: photographs, paintings, contenders and clips, found and checked before anything runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nst_export.model_files.named_styles import BUILT_IN, NamedStyle, paintings_in, read_named_styles
from nst_rt.errors import InputError
from nst_train.data.images import list_images
from nst_train.data.paintings import held_out

from nst_bench.harness.inputs import Painting, Photograph, read_photograph, spread
from nst_bench.harness.losses import PAINTING_SIDE
from nst_bench.quality.contenders import Contender, model_contender, tuned_contender
from nst_bench.quality.quality_options import QualityOptions

BUILT_IN_NAME, TUNED_NAME = "nst-rt", "nst-rt tuned"
VIDEO_SUFFIXES = {".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v"}


def choose_contenders(options: QualityOptions) -> list[Contender]:
    """The network to judge, its tuned styles, then the other models in their order.

    Raises:
        InputError: two contenders have one name, or a painting is missing.
        ModelError, StyleError: a model is missing, or can render none of the paintings.
    """
    table = read_named_styles(options.table or BUILT_IN)
    paintings = spread(named_paintings(paintings_in(options.styles, table), table), options.named)
    if options.paintings is not None:
        paintings += held_out_paintings(options.paintings, options.held_out_every, options.held_out)
    given = [parse_contender(text, options.styles) for text in options.contenders]
    return make_contenders(options.model, paintings, given, parse_tuned(options.tuned, paintings))


def choose_photographs(folder: Path, count: int, side: int) -> list[Photograph]:
    """Photographs spread evenly over a folder, sorted by size, so that the session of each size is opened once.

    Args:
        count: how many; 0 takes all.
        side: larger ones are reduced to this long side, in pixels.

    Raises:
        InputError: the folder is missing or has no image, or an image cannot be read or is too small.
    """
    chosen = [read_photograph(path, side) for path in spread(list_images(folder), count)]
    return sorted(chosen, key=lambda photograph: photograph.bgr.shape)


def held_out_paintings(folder: Path, every: int, count: int) -> list[Painting]:
    """The paintings of a folder that a training with the same `hold_out` does not learn from.

    Args:
        every: one of this many paintings is held out.
        count: how many of the held-out paintings, spread evenly; 0 takes all.

    Raises:
        InputError: the folder is missing or has too few images.
    """
    paths = held_out(list_images(folder), every)
    if not paths:
        raise InputError(
            f"{folder}: fewer than {every} paintings, so none was held out. Give a smaller number",
            parameter="held_out_every",
        )
    return [Painting(path.stem, path, "held-out") for path in spread(paths, count)]


def named_paintings(paintings: Mapping[str, Path], table: Mapping[str, NamedStyle]) -> list[Painting]:
    """The paintings behind named styles, at the size at which the table has them learned."""
    return [Painting(name, path, "named", round(table[name].scale * PAINTING_SIDE)) for name, path in paintings.items()]


def find_clips(paths: Iterable[Path]) -> list[Path]:
    """The clips among the files and in the folders that were given.

    Raises:
        InputError: a path is missing, or a folder has no clip.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such clip or folder. Check the name", parameter="video")
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise InputError(
                f"{path}: no clips in it ({', '.join(sorted(VIDEO_SUFFIXES))}). Give another folder", parameter="video"
            )
        found += inside
    return found


@dataclass(frozen=True)
class GivenContender:
    """A contender as it was given: NAME=MODEL.onnx, or NAME=MODEL.onnx@PAINTING."""

    name: str
    model: str
    painting: Path | None


def parse_contender(text: str, styles: Path | None) -> GivenContender:
    """Read NAME=MODEL.onnx[@PAINTING].

    Args:
        styles: a folder in which the painting is also looked for by its file name.

    Raises:
        InputError: the text has another form, or the painting is missing.
    """
    name, equals, rest = text.partition("=")
    model, painting = rest, ""
    if "@" in rest and not Path(rest).is_file():
        model, _, painting = rest.rpartition("@")
    if not (name.strip() and equals and model):
        raise InputError(f"{text}: write NAME=MODEL.onnx, or NAME=MODEL.onnx@PAINTING.jpg", parameter="contenders")
    return GivenContender(name.strip(), model, _find_painting(painting, styles, text) if painting else None)


def _find_painting(name: str, styles: Path | None, text: str) -> Path:
    for path in (Path(name), *([styles / name] if styles else [])):
        if path.is_file():
            return path
    where = f" and none in {styles}" if styles else ""
    raise InputError(f"{text}: no painting {name}{where}. Check the name", parameter="contenders")


def parse_tuned(values: Iterable[str], paintings: Sequence[Painting]) -> dict[str, Painting]:
    """Read NAME=PAINTING, or NAME alone for the painting whose file has that name without its suffix.

    Raises:
        InputError: the painting is missing.
    """
    found: dict[str, Painting] = {}
    by_name = {painting.name: painting for painting in paintings}
    known = {painting.path.resolve(): painting for painting in paintings}
    for value in values:
        name, equals, file = value.partition("=")
        if equals and Path(file).is_file():
            found[name] = known.get(Path(file).resolve(), Painting(Path(file).stem, Path(file), "held-out"))
        elif equals:
            raise InputError(f"{value}: no such painting. Check the path", parameter="tuned")
        elif name in by_name:
            found[name] = by_name[name]
        else:
            raise InputError(
                f"{value}: no painting of that name is measured. Write {value}=PAINTING.jpg", parameter="tuned"
            )
    return found


def make_contenders(
    model: str, paintings: Sequence[Painting], given: Sequence[GivenContender], tuned: Mapping[str, Painting]
) -> list[Contender]:
    """The network to judge, its tuned styles, then the other models in their order.

    Raises:
        InputError: two contenders have one name.
        ModelError, StyleError: a model is missing, or can render none of the paintings.
    """
    contenders = [model_contender(BUILT_IN_NAME, model, paintings, None)]
    if tuned:
        contenders.append(tuned_contender(TUNED_NAME, model, tuned))
    known = {painting.path.resolve(): painting for painting in paintings}
    for one in given:
        own = None
        if one.painting is not None:
            own = known.get(one.painting.resolve(), Painting(one.painting.stem, one.painting, "named"))
        if any(one.name == other.name for other in contenders):
            raise InputError(
                f"{one.name}: there is a contender of that name already. Choose another name", parameter="contenders"
            )
        contenders.append(model_contender(one.name, one.model, paintings, own))
    return contenders
