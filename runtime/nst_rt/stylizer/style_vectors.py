"""The style vectors of one model: of its named styles, of style images, and of blends."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nst_rt.contract import Frame, ModelRecord, StyleVector
from nst_rt.errors import InputError, StyleError
from nst_rt.files.paths import is_file
from nst_rt.models.catalog import ModelFiles, is_model_path
from nst_rt.styles.blends import blend, is_style_image, parse_blend
from nst_rt.styles.library import load_styles, unknown_style

if TYPE_CHECKING:
    from nst_rt.styles.color_matching import ColorMatching
    from nst_rt.styles.style_encoder import StyleEncoder


class StyleVectors:
    """Finds the style vector of a style expression.

    Args:
        files, record: the model.
        threads: of the style encoder.

    Raises:
        StyleError: the model's styles file is malformed.
    """

    def __init__(self, files: ModelFiles, record: ModelRecord, *, threads: int | None = None) -> None:
        self._files, self._record, self._threads = files, record, threads
        self._library = load_styles(files, record.style_size, record.source_sha256) if record.style_size else {}
        self._encoder: StyleEncoder | None = None
        self._matching: ColorMatching | None = None

    @property
    def names(self) -> list[str]:
        """The names of the styles: of the library, or of the style that is baked in."""
        if self._record.style_size:
            return list(self._library)
        return list(self._record.styles or (self._files.name,))

    def first(self) -> str:
        """The first named style.

        Raises:
            StyleError: there is none.
        """
        if not self._library:
            raise StyleError(
                f"{self._files.path.name} has no named styles. Give an image file as the style", parameter="style"
            )
        return next(iter(self._library))

    def find(self, expression: str) -> StyleVector:
        """The style vector float32 (1, S) of a style's name, a style image's path, or a blend.

        Raises:
            StyleError: there is no such style, or it belongs to another network.
            InputError: there is no such style image.
        """
        return blend(parse_blend(expression), self._of_one)

    def checked(self, vectors: StyleVector, counts: tuple[int, ...]) -> StyleVector:
        """Style vectors as contiguous float32 (N, S).

        Args:
            counts: the values that N may have.

        Raises:
            StyleError: the shape is another, or the model's style is baked in.
        """
        self.require("style vectors")
        vectors = np.ascontiguousarray(vectors, np.float32)
        size = self._record.style_size
        if vectors.shape[-1:] != (size,):
            numbers = vectors.shape[-1] if vectors.ndim else 1
            raise StyleError(f"{self._files.path.name} takes style vectors of {size} numbers, not {numbers}")
        if vectors.ndim != 2 or len(vectors) not in counts:
            wanted = " or ".join(f"({count}, {size})" for count in sorted(set(counts)))
            raise StyleError(f"style vectors of shape {vectors.shape} do not fit the frames. Give {wanted}")
        return vectors

    def require(self, purpose: str) -> None:
        """Refuse a model whose style is baked in; `purpose` is what needs style vectors.

        Raises:
            StyleError: the style is baked in.
        """
        if not self._record.style_size:
            raise StyleError(
                f"{self._files.path.name} has one style baked in ({', '.join(self.names)}), and {purpose} need a "
                "model with style vectors, such as the built-in network",
                parameter="model",
            )

    def match_colors(self, image: Frame, method: str) -> None:
        """See `Stylizer.match_colors`; from now on."""
        from nst_rt.styles.color_matching import ColorMatching

        self._matching = ColorMatching.to_image(image, method)

    def close(self) -> None:
        """Close the style encoder; it is opened again when it is needed."""
        self._encoder = None

    def _of_one(self, name: str) -> StyleVector:
        if name in self._library:
            vector = self._library[name].vector
        elif is_model_path(name):
            raise StyleError(f"{name}: a model file, not a style. Give it as the model", parameter="style")
        elif is_style_image(name):
            if not is_file(Path(name)):
                raise InputError(f"{name}: no such image. Check the path", parameter="style")
            vector = self._encode(Path(name))
        else:
            raise unknown_style(name, self._library)
        if vector.size != self._record.style_size:
            raise StyleError(
                f"style {name!r} has {vector.size} numbers, {self._files.path.name} takes {self._record.style_size}: "
                "it belongs to another network",
                parameter="style",
            )
        return vector

    def _encode(self, image: Path) -> StyleVector:
        if self._encoder is None:
            # Image reading is loaded only by those who bring style images.
            from nst_rt.styles.style_encoder import StyleEncoder

            self._encoder = StyleEncoder.beside(self._files, self._record, threads=self._threads)
            if self._encoder is None:
                raise StyleError(
                    f"{self._files.path.name} has no style encoder beside it, so the image {image} cannot be its "
                    "style. Give a named style, or a model with a style encoder, such as the built-in network",
                    parameter="style",
                )
        return self._encoder(image, self._matching)
