"""Which files an export writes, under which names, and which files of another network lie in their way."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from nst_rt.contract import ModelRecord
from nst_rt.errors import OutputError
from nst_rt.files.atomic import refuse_unwritable
from nst_rt.files.naming import check_not_taken
from nst_rt.files.paths import exists
from nst_rt.models.catalog import ModelFiles

from nst_export.export_options import ExportOptions
from nst_export.onnx_graph.graph_builder import Precision

MODEL, FP16, INT8, ENCODER, STYLES = ".onnx", ".fp16.onnx", ".int8.onnx", ".encoder.onnx", ".styles.json"
"""Endings of the files of one network; the name before them is the same."""


def beside(model: Path, suffix: str) -> Path:
    """The file of a network that ends with `suffix`; NAME.onnx, NAME.fp16.onnx and NAME.int8.onnx share all others."""
    return model.with_name(ModelFiles(model).network + suffix)


@dataclass(frozen=True)
class Targets:
    """The files that an export writes; see `plan_targets`."""

    output: Path
    models: tuple[tuple[Precision, Path], ...]
    """The stylising models by precision."""
    companions: tuple[Path, ...]
    """What is written beside them."""
    overwrite: bool

    def stale(self, source: ModelRecord) -> list[Path]:
        """Files of another network that would stay beside the new ones; see `stale_beside`."""
        written = {*self.companions, *(path for _, path in self.models)}
        return stale_beside(self.models[0][1], source, written, overwrite=self.overwrite)


def plan_targets(
    output: Path, options: ExportOptions, companions: Sequence[str] = (), *, inputs: Iterable[Path] = ()
) -> Targets:
    """The files of an export. Refuses what cannot be written before any work is done.

    Args:
        output: `NAME.onnx`; with both precisions that is the fp32 file, and `NAME.fp16.onnx` the fp16 one.
            `NAME.fp16.onnx` itself is accepted where only fp16 is wanted.
        options: precision and overwrite count.
        companions: endings of the files that are written beside the models.
        inputs: the checkpoints, which are never replaced.

    Raises:
        OutputError: a wrong ending, a missing or read-only folder, or a file that exists.
    """
    _check_ending(output, options)
    models: tuple[tuple[Precision, Path], ...]
    if options.precision == "both":
        models = (("fp32", output), ("fp16", beside(output, FP16)))
    else:
        models = ((options.precision, output),)
    targets = Targets(output, models, tuple(beside(output, suffix) for suffix in companions), options.overwrite)
    inputs = list(inputs)
    for path in (*(path for _, path in models), *targets.companions):
        refuse_unwritable(path)
        check_not_taken(path, inputs, overwrite=options.overwrite)
    return targets


def _check_ending(output: Path, options: ExportOptions) -> None:
    reason = ""
    if not output.name.endswith(MODEL):
        reason = "a model's file name ends with .onnx"
    elif output.name.endswith(ENCODER):
        reason = f"{ENCODER} is for the style encoder. Give {beside(output, '').stem}.onnx"
    elif output.name.endswith(FP16) and options.precision != "fp16":
        reason = f"{FP16} is for the fp16 model alone. Give {beside(output, MODEL).name}, or export fp16 alone"
    elif output.name.endswith(INT8):
        reason = f"{INT8} is for int8 models, which are made of the fp32 file. Give {beside(output, MODEL).name}"
    if reason:
        raise OutputError(f"{output}: {reason}", parameter="output")


def stale_beside(model: Path, source: ModelRecord, written: Collection[Path], *, overwrite: bool) -> list[Path]:
    """Files of another network under the name of a model that is to be written.

    Args:
        source: any record of the export; family, source_sha256 and style_size count.
        written: files that are to be written, or are known to belong to the same network.

    Returns:
        With `overwrite`, the companions to remove: fp16, int8, style encoder, styles.

    Raises:
        OutputError: there are some, and `overwrite` is false; or NAME.onnx itself is another network's, which is never
            removed.
    """
    found = []
    for suffix in (MODEL, FP16, INT8, ENCODER, STYLES):
        path = beside(model, suffix)
        if path in written or not exists(path) or belongs(path, source):
            continue
        if suffix == MODEL:
            raise OutputError(
                f"{path}: holds another network, and the new file would be taken for a version of it. Write under "
                "another name, or move it away",
                parameter="output",
            )
        if not overwrite:
            raise OutputError(
                f"{path}: belongs to another network than the new file, and would be used with it. Write under another "
                "name, move it away, or allow overwriting, which removes it",
                parameter="overwrite",
            )
        found.append(path)
    return found


def belongs(path: Path, source: ModelRecord) -> bool:
    """Whether a file was made of the same weights as `source`. A file that cannot be read was not."""
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
