"""A painting to its style vector."""

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
"""Vectors that are kept: a live show comes back to its paintings, and must not stop for them again."""


class StyleEncoder:
    """Reads style vectors off paintings. Runs on the processor: once per painting, of any size.

    Vectors are kept, and read again when their file changes.

    Raises:
        ModelError: the file is no style encoder.

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
        """The style encoder that lies beside a model; None without one.

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

    def __call__(self, painting: Path, matching: ColorMatching | None = None) -> StyleVector:
        """The style vector float32 (S,) of an image file.

        Args:
            matching: moves the painting's colours first.

        Raises:
            InputError: the file is no image.
        """
        if matching is not self._matching:
            self._kept.clear()
            self._matching = matching
        version = _version(painting)
        kept = self._kept.get(version) if version else None
        if kept is not None:
            return kept.copy()
        bgr = read_image(painting).shrunk(STYLE_IMAGE_SIDE).bgr
        if matching is not None:
            bgr = matching(bgr)
        vector: StyleVector = self._session.run({contract.IMAGE: bgr[None]})[0]
        if version is not None:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[version] = vector.copy()
        return vector


def _version(painting: Path) -> tuple[Path, int, int] | None:
    """What tells a file from another, or from what it was before; None where there is none to ask."""
    try:
        state = painting.stat()
    except OSError:
        return None
    return painting, state.st_mtime_ns, state.st_size
