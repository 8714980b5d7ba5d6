"""Checked models and the files beside them, written together or not at all."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
from nst_rt import contract
from nst_rt.contract import ModelRecord, Parity
from nst_rt.errors import OutputError
from nst_rt.files.atomic import replacing, why_not_written
from nst_rt.version import __version__

from nst_export.onnx_graph.graph_builder import set_record
from nst_export.parity.parity import require_parity

EXPORTER = f"nst-rt {__version__}"


@dataclass(frozen=True)
class Exported:
    """A model file that was written, and its record."""

    path: Path
    record: ModelRecord


@dataclass(frozen=True)
class Checked:
    """A model that passed its check and is not written yet."""

    path: Path
    record: ModelRecord
    data: bytes


def check_model(model: onnx.ModelProto, record: ModelRecord, path: Path, parity: tuple[Parity, ...]) -> Checked:
    """Refuse a model that is not exact enough, and write the figures into its metadata. No file is written.

    Args:
        record: everything but parity and controls.
        path: where the model is to be written.
        parity: what the model reached on each sample image.

    Raises:
        ModelError: below the least parity.
    """
    require_parity(str(path), parity)
    inputs = {entry.name for entry in model.graph.input}
    controls = tuple(name for name in (contract.STRENGTH, contract.COLOR) if name in inputs)
    record = replace(record, parity=parity, controls=controls)
    set_record(model, record)
    return Checked(path, record, model.SerializeToString())


def write_all(
    models: Sequence[Checked], others: Sequence[tuple[Path, bytes]] = (), *, stale: Sequence[Path] = ()
) -> tuple[Exported, ...]:
    """Write an export's files, and remove those that belong to another network.

    All of them are written under temporary names before the first takes its place, so that a full disk leaves
    everything as it was.

    Args:
        others: files beside the models, with their content.
        stale: files to remove, see `stale_beside`.

    Raises:
        OutputError: a file cannot be written or removed.
    """
    contents = [*others, *((entry.path, entry.data) for entry in models)]
    with ExitStack() as moves:
        for path, data in contents:
            moves.enter_context(replacing(path)).write_bytes(data)
    for path in stale:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(why_not_written(path, error)) from error
    return tuple(Exported(entry.path, entry.record) for entry in models)
