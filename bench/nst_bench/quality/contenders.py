"""Who is measured: models, and the way each of them takes to a painting's style."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nst_rt.errors import InputError, StyleError
from nst_rt.models import ModelFiles, find_model
from nst_rt.session import model_sha256, read_model
from nst_rt.styles import Vector, load_styles, unknown_style
from nst_rt.stylizer import Stylizer

from nst_bench.quality.pictures import Painting


@dataclass(frozen=True)
class Rendition:
    """How a contender renders one painting's style."""

    painting: Painting
    style: str | None
    """What `Stylizer.style` is set to: a named style, or the painting's path; None where the style is baked in."""
    vector_sha256: str = ""
    """Of a named style's vector."""


@dataclass(frozen=True)
class Contender:
    """A model and the paintings it is measured on."""

    name: str
    files: ModelFiles
    renditions: Sequence[Rendition]

    @cached_property
    def _hashes(self) -> dict[str, str]:
        encoded = any(rendition.style and not rendition.vector_sha256 for rendition in self.renditions)
        encoder = self.files.encoder if encoded else None
        return {
            "model": model_sha256(self.files.path),
            **({"encoder": model_sha256(encoder)} if encoder else {}),
        }

    def question(self, rendition: Rendition) -> dict[str, str]:
        """What decides a stylised picture, photograph and device apart."""
        if rendition.vector_sha256:
            return {"model": self._hashes["model"], "vector": rendition.vector_sha256}
        return {**self._hashes, "style": rendition.painting.sha256 if rendition.style else "baked in"}

    def describe(self) -> dict[str, Any]:
        """For the report: name, files, hashes and what the model's record says."""
        record = read_model(self.files.path)
        return {
            "name": self.name,
            "file": self.files.path.name,
            "sha256": self._hashes["model"],
            "encoder_sha256": self._hashes.get("encoder", ""),
            "family": record.family,
            "source_sha256": record.source_sha256,
            "bytes": self.files.path.stat().st_size,
        }

    def load(self, rendition: Rendition, *, device: str = "auto", threads: int | None = None) -> Stylizer:
        """The stylizer, set to a painting's style."""
        return Stylizer.load(rendition.style, model=self.files.path, device=device, threads=threads)


def model_contender(name: str, model: str | Path, paintings: Sequence[Painting], own: Painting | None) -> Contender:
    """A model on every painting that it can render: by its named vectors, else by its style encoder.

    Args:
        own: the painting of a model with one style baked in.

    Raises:
        ModelError: no such model.
        InputError: a baked style whose painting was not given.
        StyleError: no painting among those given that the model can render.
    """
    files = find_model(model)
    record = read_model(files.path)
    if not record.style_size:
        if own is None:
            raise InputError(
                f"{files.path}: one style is baked in, and its painting is needed to judge it. Give it as "
                f"--contender {name}={files.path}@PAINTING"
            )
        return Contender(name, files, [Rendition(own, None)])
    vectors = _vectors(files, record.style_size)
    renditions = []
    for painting in [own] if own else paintings:
        if painting.group == "named" and painting.name in vectors:
            renditions.append(Rendition(painting, painting.name, _sha256(vectors[painting.name])))
        elif files.encoder is not None:
            renditions.append(Rendition(painting, str(painting.path)))
    if not renditions:
        raise StyleError(
            f"{files.path}: has none of the paintings' styles ({', '.join(vectors) or 'no named styles'}), and no "
            "style encoder beside it. Name the paintings after its styles, or export the model with its encoder"
        )
    return Contender(name, files, renditions)


def tuned_contender(name: str, model: str | Path, tuned: Mapping[str, Painting]) -> Contender:
    """Vectors of the user's library (`nst-rt add-style --tune`), by their names, each held against its painting.

    Raises:
        ModelError: no such model.
        StyleError: the model has no style of that name.
    """
    files = find_model(model)
    vectors = _vectors(files, read_model(files.path).style_size)
    for style in tuned:
        if style not in vectors:
            raise unknown_style(style, vectors)
    renditions = [Rendition(painting, style, _sha256(vectors[style])) for style, painting in tuned.items()]
    return Contender(name, files, renditions)


def _vectors(files: ModelFiles, size: int) -> dict[str, Vector]:
    return {name: style.vector for name, style in load_styles(files, size).items()} if size else {}


def _sha256(vector: Vector) -> str:
    return hashlib.sha256(vector.tobytes()).hexdigest()
