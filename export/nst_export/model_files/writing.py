"""Model files on disk: which ones an export makes, and writing them once all of them have passed."""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import onnx
from nst_rt import __version__, contract
from nst_rt.contract import ModelRecord, Parity
from nst_rt.errors import OutputError
from nst_rt.files.atomic import refuse_unwritable, replacing, why_not_written
from nst_rt.files.naming import check_not_taken
from nst_rt.files.paths import exists
from nst_rt.models.catalog import ModelFiles

from nst_export.onnx_graph.builder import Precision, set_record
from nst_export.parity.parity import require_parity

PrecisionChoice = Literal["fp32", "fp16", "both"]
EXPORTER = f"nst-rt {__version__}"

MODEL, FP16, INT8, ENCODER, STYLES = ".onnx", ".fp16.onnx", ".int8.onnx", ".encoder.onnx", ".styles.json"
"""What the files of one network end with; before it they have one name."""


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


def beside(model: Path, suffix: str) -> Path:
    """The file of a network that ends with `suffix`; NAME.onnx, NAME.fp16.onnx and NAME.int8.onnx share all others."""
    return model.with_name(ModelFiles(model).network + suffix)


@dataclass(frozen=True)
class Targets:
    """The files that an export makes; see `plan_targets`."""

    models: tuple[tuple[Precision, Path], ...]
    """The stylising models by precision."""
    companions: tuple[Path, ...]
    """What is written beside them."""
    overwrite: bool

    def stale(self, source: ModelRecord) -> list[Path]:
        """Files of another network under this one's name, which this export would leave there; see `stale_beside`."""
        written = {*self.companions, *(path for _, path in self.models)}
        return stale_beside(self.models[0][1], source, written, overwrite=self.overwrite)


def stale_beside(model: Path, source: ModelRecord, written: Collection[Path], *, overwrite: bool) -> list[Path]:
    """Files of another network under the name of a model that is to be written, which would stay there.

    Args:
        source: any record of the export; family, source_sha256 and style_size count.
        written: what is to be written, or known to fit.

    Returns:
        With `overwrite`, the companions (fp16, int8, style encoder, styles) to remove.

    Raises:
        OutputError: there are some, and `overwrite` was not given; or NAME.onnx itself is another network's, which
            is nobody's to remove.
    """
    found = []
    for suffix in (MODEL, FP16, INT8, ENCODER, STYLES):
        path = beside(model, suffix)
        if path in written or not exists(path) or belongs(path, source):
            continue
        if suffix == MODEL:
            raise OutputError(
                f"{path}: holds another network, and the new file would be taken for a version of it. "
                "Give another -o, or move it away"
            )
        if not overwrite:
            raise OutputError(
                f"{path}: belongs to another network than the one to be written, and would be used with it. "
                "Give another -o, move it away, or --overwrite to remove it"
            )
        found.append(path)
    return found


def plan_targets(
    output: Path,
    choice: PrecisionChoice,
    companions: Sequence[str] = (),
    *,
    inputs: Iterable[Path] = (),
    overwrite: bool = False,
) -> Targets:
    """The files of an export, refused before any work is done where they cannot be written.

    Args:
        output: `NAME.onnx`; with both precisions that is fp32, and `NAME.fp16.onnx` fp16. `NAME.fp16.onnx` is taken
            too where only fp16 is wanted.
        companions: endings of the files that are written beside the models.
        inputs: the checkpoints, which only make a message clearer.
        overwrite: files that exist may be replaced.

    Raises:
        OutputError: wrong ending, missing or read-only folder, or a file exists.
    """
    if not output.name.endswith(MODEL):
        raise OutputError(f"{output}: a model's file name ends with .onnx")
    if output.name.endswith(ENCODER):
        raise OutputError(f"{output}: {ENCODER} is for the style encoder. Give {beside(output, '').stem}.onnx")
    if output.name.endswith(FP16) and choice != "fp16":
        raise OutputError(
            f"{output}: {FP16} is for the fp16 model alone. Give {beside(output, MODEL).name}, or --precision fp16"
        )
    if output.name.endswith(INT8):
        raise OutputError(
            f"{output}: {INT8} is for int8 models. Give {beside(output, MODEL).name}; `nst-rt export int8` makes one "
            "of it"
        )
    models: tuple[tuple[Precision, Path], ...] = ((choice, output),) if choice != "both" else ()
    if choice == "both":
        models = (("fp32", output), ("fp16", beside(output, FP16)))
    targets = Targets(models, tuple(beside(output, suffix) for suffix in companions), overwrite)
    inputs = list(inputs)
    for path in (*(path for _, path in models), *targets.companions):
        refuse_unwritable(path)
        check_not_taken(path, inputs, overwrite=overwrite)
    return targets


def belongs(path: Path, source: ModelRecord) -> bool:
    """Whether a file was made of the weights that `source` was made of. What cannot be read was not."""
    try:
        if path.name.endswith(STYLES):
            content = json.loads(path.read_text(encoding="utf-8"))
            return isinstance(content, dict) and content.get("source_sha256", "") == source.source_sha256
        metadata = {entry.key: entry.value for entry in onnx.load(path, load_external_data=False).metadata_props}
        record = ModelRecord.from_metadata(metadata, str(path))
    except Exception:  # protobuf's errors have no base that onnx exports
        return False
    return (record.family, record.source_sha256, record.style_size) == (
        source.family,
        source.source_sha256,
        source.style_size,
    )


def check_model(
    model: onnx.ModelProto, record: ModelRecord, path: Path, measure: Callable[[bytes], tuple[Parity, ...]]
) -> Checked:
    """Measure the model and put the figures into its metadata. Nothing is written.

    Args:
        path: where the model is to be written.

    Raises:
        ModelError: below the least parity.
    """
    parity = measure(model.SerializeToString())
    require_parity(str(path), parity)
    inputs = {entry.name for entry in model.graph.input}
    controls = tuple(name for name in (contract.STRENGTH, contract.COLOR) if name in inputs)
    record = replace(record, parity=parity, controls=controls)
    set_record(model, record)
    return Checked(path, record, model.SerializeToString())


def write_all(
    models: Sequence[Checked], others: Sequence[tuple[Path, bytes]] = (), *, stale: Sequence[Path] = ()
) -> tuple[Exported, ...]:
    """Write an export's files, and remove those that went stale.

    All of them are written under temporary names before the first takes its place, so that a full disk leaves
    everything as it was.

    Args:
        others: files beside the models, with their content.

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
