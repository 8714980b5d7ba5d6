"""What is to be measured: options of the command line as contenders and paintings, checked before anything runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nst_rt.errors import InputError

from nst_bench.quality.contenders import Contender, model_contender, tuned_contender
from nst_bench.quality.images import Painting

BUILT_IN_NAME, TUNED_NAME = "nst-rt", "nst-rt tuned"


@dataclass(frozen=True)
class Given:
    """A contender as written: NAME=MODEL.onnx, or NAME=MODEL.onnx@PAINTING."""

    name: str
    model: str
    painting: Path | None


def parse_contender(text: str, styles: Path | None) -> Given:
    """Read NAME=MODEL.onnx[@PAINTING]; the painting may be a file name in the folder of named paintings.

    Raises:
        InputError: written otherwise, or no such painting.
    """
    name, equals, rest = text.partition("=")
    model, _, painting = (
        (rest, "", "") if Path(rest).is_file() else rest.rpartition("@") if "@" in rest else (rest, "", "")
    )
    if not (name.strip() and equals and model):
        raise InputError(f"--contender {text}: write NAME=MODEL.onnx, or NAME=MODEL.onnx@PAINTING.jpg")
    return Given(name.strip(), model, _find_painting(painting, styles, text) if painting else None)


def _find_painting(name: str, styles: Path | None, text: str) -> Path:
    for path in (Path(name), *([styles / name] if styles else [])):
        if path.is_file():
            return path
    where = f" and none in {styles}" if styles else ""
    raise InputError(f"--contender {text}: no painting {name}{where}. Check the name")


def parse_tuned(values: Iterable[str], paintings: Sequence[Painting]) -> dict[str, Painting]:
    """NAME=PAINTING, or NAME alone for the painting whose file has that name without its suffix.

    Raises:
        InputError: no such painting.
    """
    found: dict[str, Painting] = {}
    by_name = {painting.name: painting for painting in paintings}
    for value in values:
        name, equals, file = value.partition("=")
        if not equals:
            if name not in by_name:
                raise InputError(f"--tuned {value}: no painting of that name is measured. Write {value}=PAINTING.jpg")
            found[name] = by_name[name]
        elif Path(file).is_file():
            known = {painting.path.resolve(): painting for painting in paintings}
            found[name] = known.get(Path(file).resolve(), Painting(Path(file).stem, Path(file), "held-out"))
        else:
            raise InputError(f"--tuned {value}: no such painting. Check the path")
    return found


def make_contenders(
    model: str, paintings: Sequence[Painting], given: Sequence[Given], tuned: Mapping[str, Painting]
) -> list[Contender]:
    """The network to judge, its tuned vectors, then the others in their order.

    Raises:
        InputError: two contenders of one name.
        ModelError, StyleError: a model that is not there, or that can render none of the paintings.
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
            raise InputError(f"--contender {one.name}: there is a contender of that name already. Choose another name")
        contenders.append(model_contender(one.name, one.model, paintings, own))
    return contenders
