"""A painting to its style vector."""

from pathlib import Path

from nst_rt import contract
from nst_rt.color_matching import ColorMatching
from nst_rt.contract import ModelRecord
from nst_rt.devices import Device
from nst_rt.errors import ModelError
from nst_rt.models import ModelFiles
from nst_rt.session import Session, read_model, require_same_network
from nst_rt.sources.picture import read_picture
from nst_rt.styles import PAINTING_SIDE, Vector


class StyleEncoder:
    """Reads style vectors off paintings. Runs on the processor: once per painting, of any size.

    Raises:
        ModelError: the file is no style encoder.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        self._session = Session(path, Device("cpu"), threads=threads)
        if self._session.record.kind != "style_encoder":
            raise ModelError(f"{path}: a stylising model, not a style encoder. Export the model again")

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

    def __call__(self, painting: Path, matching: ColorMatching | None = None) -> Vector:
        """The style vector float32 (S,) of a picture file.

        Args:
            matching: moves the painting's colours first.

        Raises:
            InputError: the file is no picture.
        """
        bgr = read_picture(painting).shrunk(PAINTING_SIDE).bgr
        if matching is not None:
            bgr = matching(bgr)
        vector: Vector = self._session.run({contract.IMAGE: bgr[None]})[0]
        return vector
