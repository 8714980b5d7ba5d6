"""The models whose quality is measured, and how each of them gets a painting's style."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nst_rt.contract import StyleVector
from nst_rt.engine.session import read_model
from nst_rt.errors import InputError, StyleError
from nst_rt.files.reading import file_sha256
from nst_rt.models.catalog import ModelFiles, find_model
from nst_rt.styles.library import load_styles, unknown_style
from nst_rt.styles.styles_file import read_styles
from nst_rt.stylizer.stylizer import Stylizer

from nst_bench.harness.inputs import Painting


@dataclass(frozen=True)
class Rendition:
    """How a contender renders the style of one painting."""

    painting: Painting
    style: str | None
    """The name of a style, or the path of a painting for the style encoder; None for a style that is baked in."""
    vector: StyleVector | None = field(default=None, compare=False, repr=False)
    """Of a named style. A name alone could mean a user style in place of the shipped one."""
    vector_sha256: str = field(init=False, default="")
    """Of `vector`."""

    def __post_init__(self) -> None:
        if self.vector is not None:
            object.__setattr__(self, "vector_sha256", hashlib.sha256(self.vector.tobytes()).hexdigest())

    def apply_to(self, stylizer: Stylizer) -> None:
        """Set a stylizer of the contender's model to the painting's style."""
        if self.vector is not None:
            stylizer.set_style_vector(self.vector, self.style or "vector")
        elif self.style is not None:
            stylizer.style = self.style


@dataclass(frozen=True)
class Contender:
    """A model, and the paintings that it is measured on."""

    name: str
    files: ModelFiles
    renditions: Sequence[Rendition]

    @cached_property
    def _hashes(self) -> dict[str, str]:
        encoded = any(rendition.style and not rendition.vector_sha256 for rendition in self.renditions)
        encoder = self.files.encoder if encoded else None
        return {
            "model": file_sha256(self.files.path),
            **({"encoder": file_sha256(encoder)} if encoder else {}),
        }

    def key(self, rendition: Rendition) -> dict[str, str]:
        """What decides a stylised image besides the photograph and the device."""
        if rendition.vector_sha256:
            return {"model": self._hashes["model"], "vector": rendition.vector_sha256}
        return {**self._hashes, "style": rendition.painting.sha256 if rendition.style else "baked in"}

    def describe(self) -> dict[str, Any]:
        """For the report: name, files, hashes (those of named vectors by style) and the family of the model."""
        record = read_model(self.files.path)
        return {
            "name": self.name,
            "file": self.files.path.name,
            "sha256": self._hashes["model"],
            "encoder_sha256": self._hashes.get("encoder", ""),
            "vectors_sha256": {
                rendition.style: rendition.vector_sha256 for rendition in self.renditions if rendition.vector_sha256
            },
            "family": record.family,
            "source_sha256": record.source_sha256,
            "bytes": self.files.path.stat().st_size,
        }


class ContenderLoader:
    """Loads the stylizers of contenders on one device.

    One contender is open at a time, because each holds sessions for several frame sizes.
    """

    def __init__(self, device: str = "auto", threads: int | None = None) -> None:
        self._device, self._threads = device, threads
        self._open: tuple[Contender, Stylizer] | None = None

    def key(self, contender: Contender, rendition: Rendition) -> dict[str, str]:
        """What decides a stylised image besides the photograph."""
        return {**contender.key(rendition), "device": self._device}

    def load(self, contender: Contender, rendition: Rendition) -> Stylizer:
        """The stylizer of a contender, set to the style of a painting."""
        if self._open is None or self._open[0] is not contender:
            self.close()
            stylizer = Stylizer.load(
                rendition.style if rendition.vector is None else rendition.vector,
                model=contender.files.path,
                device=self._device,
                threads=self._threads,
            )
            self._open = (contender, stylizer)
        rendition.apply_to(self._open[1])
        return self._open[1]

    def close(self) -> None:
        """Close the sessions."""
        if self._open is not None:
            self._open[1].close()
            self._open = None


def model_contender(name: str, model: str | Path, paintings: Sequence[Painting], own: Painting | None) -> Contender:
    """A model on every painting that it can render: by its named styles, otherwise by its style encoder.

    Args:
        own: the painting of a model with one style baked in.

    Raises:
        ModelError: no such model.
        InputError: a baked style whose painting was not given.
        StyleError: the model can render none of the paintings.
    """
    files = find_model(model)
    record = read_model(files.path)
    if not record.style_size:
        if own is None:
            raise InputError(
                f"{files.path}: one style is baked in, and its painting is needed to judge it. Give "
                f"{name}={files.path}@PAINTING",
                parameter="contenders",
            )
        return Contender(name, files, [Rendition(own, None)])
    shipped = read_styles(files.styles) if files.styles else []
    vectors = {style.name: style.vector for style in shipped if style.vector.size == record.style_size}
    renditions = []
    for painting in [own] if own else paintings:
        if painting.group == "named" and painting.name in vectors:
            renditions.append(Rendition(painting, painting.name, vectors[painting.name]))
        elif files.encoder is not None:
            renditions.append(Rendition(painting, str(painting.path)))
    if not renditions:
        raise StyleError(
            f"{files.path}: has none of the paintings' styles ({', '.join(vectors) or 'no named styles'}), and no "
            "style encoder beside it. Name the paintings after its styles, or export the model with its encoder"
        )
    return Contender(name, files, renditions)


def tuned_contender(name: str, model: str | Path, tuned: Mapping[str, Painting]) -> Contender:
    """Tuned user styles of a model, by their names, each compared to its painting.

    Raises:
        ModelError: no such model.
        StyleError: the model has no style of that name.
    """
    files = find_model(model)
    record = read_model(files.path)
    library = load_styles(files, record.style_size, record.source_sha256) if record.style_size else {}
    for style in tuned:
        if style not in library:
            raise unknown_style(style, library)
    renditions = [Rendition(painting, style, library[style].vector) for style, painting in tuned.items()]
    return Contender(name, files, renditions)
