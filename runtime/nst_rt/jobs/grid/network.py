"""The images of a grid by exported networks, which stay open while the grid is made."""

import hashlib
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from nst_rt.contract import Frame
from nst_rt.files.paths import is_file
from nst_rt.files.reading import file_sha256
from nst_rt.jobs.grid.plan import Request
from nst_rt.models.catalog import BUILT_IN, ModelFiles, find_model, model_of_style
from nst_rt.styles.blends import is_style_image, parse_terms, require_style_image
from nst_rt.styles.library import load_styles
from nst_rt.styles.styles_file import Style
from nst_rt.stylizer.stylizer import Stylizer


class NetworkMaker:
    """Makes images by networks; close it in the end.

    Args:
        device, precision, threads: as of `Stylizer.load`.
    """

    def __init__(self, *, device: str, precision: str, threads: int | None) -> None:
        self._running = {"device": device, "precision": precision}
        self._load = partial(Stylizer.load, device=device, precision=precision, threads=threads)
        self._opened: dict[Path, Stylizer] = {}
        self._matched: set[Path] = set()
        """The models whose paintings have another photograph's colours."""
        self._hashes: dict[Path, str] = {}
        self._libraries: dict[Path, dict[str, Style]] = {}
        self._closing = ExitStack()

    def inputs(self, request: Request) -> dict[str, Any]:
        """What the image depends on beside the photograph and the settings, ready for JSON.

        Raises:
            ModelError: no such model.
            StyleError: a malformed blend.
            OSError: a file cannot be read.
        """
        files, own = _files(request)
        if own:
            style: Any = "its own"
        else:
            expression = request.style or next(iter(self._library(files)), "first")
            style = [[self._style(term.name, files), term.weight] for term in parse_terms(expression)]
        encoder = self._hash(files.encoder) if files.encoder else None
        return {
            **self._running,
            "model": [self._hash(path) for path in files.variants],
            "encoder": encoder,
            "style": style,
        }

    def make(self, request: Request, photograph: Frame) -> Frame:
        """An image uint8 (H, W, 3) BGR of the photograph's size.

        Raises:
            NstError: as `Stylizer`.
        """
        files, own = _files(request)
        settings = request.settings
        matching = str(settings.get("match-colors", "none"))
        if matching != "none":
            require_style_image([request.style])
        if files.path not in self._opened:
            stylizer = self._load(None if own else request.style or None, model=files.path)
            self._opened[files.path] = self._closing.enter_context(stylizer)
        stylizer = self._opened[files.path]
        if request.style and not own and stylizer.style != request.style:
            stylizer.style = request.style
        stylizer.strength = settings.get("strength", 1.0)
        stylizer.color = settings.get("color", 1.0)
        stylizer.stroke_size = settings.get("stroke-size", 1.0)
        if matching != "none":
            stylizer.match_colors(photograph, matching)
            self._matched.add(files.path)
        elif files.path in self._matched:
            stylizer.match_colors(photograph, "none")
            self._matched.remove(files.path)
        return stylizer(photograph)

    def close(self) -> None:
        """Give the networks back."""
        self._opened.clear()
        self._closing.close()

    def _style(self, name: str, files: ModelFiles) -> str:
        library = self._library(files)
        if name in library:
            return hashlib.sha256(library[name].vector.tobytes()).hexdigest()
        if is_style_image(name) and is_file(Path(name)):
            return self._hash(Path(name))
        return name

    def _library(self, files: ModelFiles) -> dict[str, Style]:
        if files.path not in self._libraries:
            self._libraries[files.path] = load_styles(files)
        return self._libraries[files.path]

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            self._hashes[path] = file_sha256(path)
        return self._hashes[path]


def _files(request: Request) -> tuple[ModelFiles, bool]:
    """The model of a request, and whether the request's style is the model itself."""
    own = model_of_style(request.style) if request.style and request.model is None else None
    return (own, True) if own is not None else (find_model(request.model or BUILT_IN), False)
