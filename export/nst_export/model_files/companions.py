"""The files beside a model, its styles and its style encoder: copied where a file that is made of it goes elsewhere."""

from dataclasses import dataclass
from pathlib import Path

from nst_rt.contract import ModelRecord
from nst_rt.files.atomic import refuse_unwritable
from nst_rt.files.naming import check_not_taken
from nst_rt.models.catalog import ModelFiles
from nst_rt.styles.styles_file import Style, read_styles

from nst_export.model_files.export_targets import ENCODER, MODEL, STYLES, belongs, beside, stale_beside


@dataclass(frozen=True)
class Companions:
    """What to write and to remove together with a file that is made of a model."""

    copies: tuple[tuple[Path, bytes], ...] = ()
    """Files to write, with their content."""
    stale: tuple[Path, ...] = ()
    """Files of another network to remove."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files to write."""
        return tuple(path for path, _ in self.copies)


def plan_companions(model: Path, record: ModelRecord, output: Path, *, overwrite: bool) -> Companions:
    """NAME.styles.json and NAME.encoder.onnx of a model, as they have to lie beside `output`.

    Empty where `output` lies beside the model under the model's name, and for a style encoder. Files of another network
    are not copied. A copy that is there already with the same bytes stays.

    Args:
        model: the model's file.
        record: the model's record.
        output: the file that is made of it, NAME.int8.onnx or NAME.ort.
        overwrite: replace files that exist, and remove those of another network.

    Raises:
        OutputError: a copy cannot be written or exists; or a file of another network has the name.
        StyleError: the styles file beside the model is malformed.
    """
    named = output.with_suffix(MODEL)
    if record.kind != "stylizer" or beside(named, MODEL).resolve() == beside(model, MODEL).resolve():
        return Companions()
    files = ModelFiles(model)
    found = {}
    if files.styles and any(fits(style, record) for style in read_styles(files.styles)):
        found[beside(named, STYLES)] = files.styles.read_bytes()
    if files.encoder and record.style_size and belongs(files.encoder, record):
        found[beside(named, ENCODER)] = files.encoder.read_bytes()
    stale = stale_beside(named, record, [*found, output], overwrite=overwrite)
    copies = [(path, data) for path, data in found.items() if not (path.is_file() and path.read_bytes() == data)]
    for path, _ in copies:
        refuse_unwritable(path)
        check_not_taken(path, [model], overwrite=overwrite)
    return Companions(tuple(copies), tuple(stale))


def fits(style: Style, record: ModelRecord) -> bool:
    """Whether a style belongs to the network of `record`, as far as its file says; see `ModelRecord.source_sha256`."""
    return style.vector.size == record.style_size and style.source_sha256 in ("", record.source_sha256)
