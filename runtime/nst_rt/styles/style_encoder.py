"""The style encoder, which turns a style image into a style vector."""

from pathlib import Path

from nst_rt import contract
from nst_rt.contract import ModelRecord, StyleVector
from nst_rt.engine.cpu_cores import counted_cores
from nst_rt.engine.devices import Device
from nst_rt.engine.session import Session, read_model, require_same_network
from nst_rt.errors import ModelError
from nst_rt.media.images.image_reader import read_image
from nst_rt.models.catalog import ModelFiles
from nst_rt.styles.color_matching import ColorMatching

STYLE_IMAGE_SIDE = 640
"""Style images are reduced to this long side, in pixels, before a style encoder sees them: strokes keep one scale."""

KEPT = 64
"""Vectors that are kept, so that a live show does not stop when it returns to a style image."""


class StyleEncoder:
    """Turns style images of any size into style vectors, on the CPU.

    Vectors are kept, and made again when their file changes.

    Raises:
        ModelError: the file is not a style encoder.

    Examples:
        >>> encoder = StyleEncoder(find_model("conditional").encoder)
        >>> encoder(Path("photo.jpg")).dtype
        dtype('float32')
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        self._session = Session(path, Device("cpu"), threads=threads or counted_cores())
        if self._session.record.kind != "style_encoder":
            raise ModelError(f"{path}: a stylising model, not a style encoder. Export the model again")
        self._kept: dict[tuple[Path, int, int], StyleVector] = {}
        self._matching: ColorMatching | None = None

    @classmethod
    def beside(cls, files: ModelFiles, record: ModelRecord, *, threads: int | None = None) -> "StyleEncoder | None":
        """The style encoder beside a model; None without one.

        Args:
            record: the model's.

        Raises:
            ModelError: the file is no style encoder, or another network's.
        """
        path = files.encoder
        if path is None:
            return None
        require_same_network(record, files.path, read_model(path), path)
        return cls(path, threads=threads)

    def __call__(self, image: Path, matching: ColorMatching | None = None) -> StyleVector:
        """The style vector float32 (S,) of an image file.

        Args:
            matching: changes the colours of the image first.

        Raises:
            InputError: the file is not an image.
        """
        if matching is not self._matching:
            self._kept.clear()
            self._matching = matching
        version = _version(image)
        kept = self._kept.get(version) if version else None
        if kept is not None:
            return kept.copy()
        bgr = read_image(image).shrunk(STYLE_IMAGE_SIDE).bgr
        if matching is not None:
            bgr = matching(bgr)
        vector: StyleVector = self._session.run({contract.IMAGE: bgr[None]})[0]
        if version is not None:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[version] = vector.copy()
        return vector


def _version(image: Path) -> tuple[Path, int, int] | None:
    """What identifies a file and its present content; None where there is no file."""
    try:
        state = image.stat()
    except OSError:
        return None
    return image, state.st_mtime_ns, state.st_size
