"""Model files on disk: which ones an export makes, written whole or not at all."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import onnx
from nst_rt import __version__, contract
from nst_rt.contract import ModelRecord, Parity
from nst_rt.errors import OutputError
from nst_rt.sinks.atomic import refuse_unwritable, replacing

from nst_export.graph import Precision, set_record
from nst_export.parity import require_parity

PrecisionChoice = Literal["fp32", "fp16", "both"]
EXPORTER = f"nst-rt {__version__}"


@dataclass(frozen=True)
class Exported:
    """A model file that was written, and its record."""

    path: Path
    record: ModelRecord


def check_target(path: Path) -> None:
    """Refuse a place that cannot be written to, before any work is done.

    Raises:
        OutputError: wrong suffix, missing or read-only folder.
    """
    if path.suffix != ".onnx":
        raise OutputError(f"{path}: a model's file name ends with .onnx")
    refuse_unwritable(path)


def targets(output: Path, choice: PrecisionChoice) -> list[tuple[Precision, Path]]:
    """The files of an export: `OUT.onnx` for one precision, `OUT.onnx` and `OUT.fp16.onnx` for both."""
    if choice == "both":
        return [("fp32", output), ("fp16", output.with_suffix(".fp16.onnx"))]
    return [(choice, output)]


def write_checked(
    model: onnx.ModelProto, record: ModelRecord, path: Path, measure: Callable[[bytes], tuple[Parity, ...]]
) -> Exported:
    """Measure the model, put the figures into its metadata, and write it in one step.

    A model that fails, and a write that breaks off, leave nothing at `path`.

    Raises:
        ModelError: below the least parity.
        OutputError: the file cannot be written.
    """
    parity = measure(model.SerializeToString())
    require_parity(str(path), parity)
    inputs = {entry.name for entry in model.graph.input}
    controls = tuple(name for name in (contract.STRENGTH, contract.COLOR) if name in inputs)
    record = replace(record, parity=parity, controls=controls)
    set_record(model, record)
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())
    return Exported(path, record)
