"""Named styles: which there are, adding a painting to them, and removing one that was added."""

import datetime
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nst_rt.contract import ModelRecord, StyleVector
from nst_rt.engine.session import read_model
from nst_rt.errors import ModelError, NstError, StyleError
from nst_rt.jobs.tuning import Tuned, TuningOptions, load_tuner
from nst_rt.models.catalog import BUILT_IN, ModelFiles, find_model, list_models
from nst_rt.styles.library import load_styles
from nst_rt.styles.styles_file import Style, read_styles
from nst_rt.styles.user_styles import check_name, save_style
from nst_rt.styles.user_styles import remove_style as remove_user_style

log = logging.getLogger("nst_rt")


@dataclass(frozen=True)
class ListedStyle:
    """A style that images can be stylised in, and where it comes from."""

    name: str
    model: str
    kind: str
    """`built in`, `yours`, `vector` (of another model), `baked in`, or for a model without named styles `any painting`
    or `vectors only`."""
    title: str = ""
    artist: str = ""
    year: str = ""
    license: str = ""
    training: str = ""

    def to_json(self) -> dict[str, str]:
        """JSON-ready, without empty texts."""
        return {name: text for name, text in asdict(self).items() if text}


@dataclass(frozen=True)
class AddedStyle:
    """A painting that became a named style."""

    name: str
    model: str
    file: Path
    training: str
    """How it came about, in words."""
    tuned: Tuned | None = field(default=None)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        closed = self.tuned.closed if self.tuned else {}
        return {
            "style": self.name,
            "model": self.model,
            "file": str(self.file),
            "training": self.training,
            "closed": {key: round(value, 4) for key, value in closed.items()},
        }


@dataclass(frozen=True)
class RemovedStyle:
    """A style of the user's that is gone."""

    name: str
    model: str
    uncovered: bool
    """The model came with a style of this name, which can be used again."""


def list_styles(model: str | None = None) -> list[ListedStyle]:
    """Every style: the vectors of the built-in (or the given) network, and models with one style.

    A file of the user's that is no model is logged and left out.

    Args:
        model: its styles alone.

    Raises:
        ModelError: no such model, or a style encoder.

    Examples:
        >>> list_styles()[0].name
        'gogh'
    """
    found: list[ListedStyle] = []
    for files in [find_model(model)] if model else list_models():
        try:
            record = read_model(files.path)
            if record.kind != "stylizer":
                raise ModelError(
                    f"{files.path}: a style encoder, not a stylising model. Give the model beside it", parameter="model"
                )
            found += _styles_of(files, record)
        except NstError as error:
            if model:
                raise
            log.warning("%s; left out", error)
    return found


def add_style(
    painting: Path,
    name: str,
    *,
    title: str = "",
    artist: str = "",
    year: str = "",
    license: str = "",
    model: str | None = None,
    tuning: TuningOptions | None = None,
    overwrite: bool = False,
) -> AddedStyle:
    """Make a painting a named style of the user's.

    Args:
        painting: its image.
        name: of the style.
        title, artist, year, license: of the painting, for its record.
        model: that the style is for; the built-in network if left out.
        tuning: fit the style to the painting for some minutes; left out, the style encoder reads it at once.
        overwrite: replace a style of this name; one that came with the model is hidden, not lost.

    Raises:
        InputError: no such painting.
        StyleError: the name cannot be, or is taken; or the model takes no other styles.
        DependencyError: PyTorch, which tunes, is not installed.
        KeyboardInterrupt: before the first step of tuning was done.

    Examples:
        >>> added = add_style(Path("photo.jpg"), "mine")
        >>> "mine" in load_styles(find_model("conditional"))
        True
    """
    from nst_rt.media.images.image_reader import read_image

    files = find_model(model or BUILT_IN)
    record = _record_with_vectors(files)
    check_name(name, files, overwrite=overwrite)
    read_image(painting)  # a missing one is told before minutes are spent
    tuned = _tuned(files, record, painting, tuning) if tuning else None
    vector = tuned.vector if tuned else _encoded(files, record, painting)
    style = Style(
        name,
        vector.reshape(-1),
        title,
        artist,
        year,
        license,
        training=tuned.training if tuned else "read off the painting by the style encoder",
        date=datetime.date.today().isoformat(),
        painting=str(painting.resolve()),
    )
    return AddedStyle(name, files.name, save_style(style, files, record), style.training, tuned)


def remove_style(name: str, model: str | None = None) -> RemovedStyle:
    """Remove a style of the user's; those that came with a model stay.

    Raises:
        StyleError: there is no such style, or it came with the model.

    Examples:
        >>> added = add_style(Path("photo.jpg"), "mine")
        >>> removed = remove_style("mine")
        >>> "mine" in load_styles(find_model("conditional"))
        False
    """
    files = find_model(model or BUILT_IN)
    remove_user_style(name, files)
    shipped = [style.name for style in read_styles(files.styles)] if files.styles else []
    return RemovedStyle(name, files.name, uncovered=name in shipped)


def _styles_of(files: ModelFiles, record: ModelRecord) -> list[ListedStyle]:
    if not record.style_size:
        name = record.styles[0] if record.styles else files.name
        return [ListedStyle(files.name, files.name, "baked in", title=name if name != files.name else "")]
    kind = "built in" if files.name == BUILT_IN else "vector"
    named = [
        ListedStyle(
            style.name,
            files.name,
            "yours" if style.user_file else kind,
            title=style.title,
            artist=style.artist,
            year=style.year,
            license=style.license,
            training=style.training,
        )
        for style in load_styles(files, record.style_size, record.source_sha256).values()
    ]
    return named or [ListedStyle("PAINTING.jpg", files.name, "any painting" if files.encoder else "vectors only")]


def _record_with_vectors(files: ModelFiles) -> ModelRecord:
    record = read_model(files.path)
    if record.kind != "stylizer" or not record.style_size:
        what = "has one style baked in" if record.kind == "stylizer" else "is a style encoder, not a stylising model"
        raise StyleError(
            f"{files.path}: {what}, so it takes no other styles. Give a model with style vectors", parameter="model"
        )
    return record


def _encoded(files: ModelFiles, record: ModelRecord, painting: Path) -> StyleVector:
    from nst_rt.styles.style_encoder import StyleEncoder

    encoder = StyleEncoder.beside(files, record)
    if encoder is None:
        raise StyleError(
            f"{files.path.name} has no style encoder beside it, so no style can be read off {painting} at once. "
            "Tune the style, which takes minutes, or give a model that has an encoder",
            parameter="tune",
        )
    return encoder(painting)


def _tuned(files: ModelFiles, record: ModelRecord, painting: Path, options: TuningOptions) -> Tuned:
    tuner = load_tuner()
    start = _encoded(files, record, painting) if files.encoder else _mean_of_named(files)
    return tuner(
        files.fp32 or files.path,
        painting,
        start.reshape(-1) if start is not None else None,
        options,
    )


def _mean_of_named(files: ModelFiles) -> StyleVector | None:
    vectors = [style.vector for style in read_styles(files.styles)] if files.styles else []
    return np.mean(vectors, axis=0, dtype=np.float32) if vectors else None
