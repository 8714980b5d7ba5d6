"""Exports a model to ONNX Runtime's own format, for builds of ONNX Runtime with only the operators it needs.

https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html
"""

import contextlib
import importlib
import io
import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from nst_rt import contract
from nst_rt.contract import ModelRecord, Parity
from nst_rt.engine.ort import load_onnxruntime
from nst_rt.errors import DependencyError, ModelError, OutputError
from nst_rt.files.atomic import refuse_unwritable
from nst_rt.files.naming import check_not_taken
from nst_rt.models.catalog import ORT_SUFFIX, ModelFiles

from nst_export.model_files.companions import plan_companions
from nst_export.model_files.model_reader import read_model_file
from nst_export.model_files.model_writer import write_all
from nst_export.onnx_graph.graph_ends import full_controls
from nst_export.parity.parity import LEAST_PSNR, Session, compare_images, compare_vectors, open_session
from nst_export.parity.sample_images import Image, sample_images
from nst_export.serving.checking import named_vectors, two_vectors

OPERATORS = ".required_operators_and_types.config"

TARGETS = ("any", "arm", "amd64")
"""CPUs that a file is optimised for: all, or one kind. amd64 has convolutions on blocks of channels."""


@dataclass(frozen=True)
class OrtFiles:
    """What was written."""

    model: Path
    operators: Path
    """For `build.py --include_ops_by_config`."""
    record: ModelRecord
    parity: tuple[Parity, ...]
    """Compared with the .onnx file, for each image."""
    companions: tuple[Path, ...]
    """Copies of the model's styles and style encoder, if the file does not lie beside the model."""


def export_ort(
    model: Path,
    output: Path | None = None,
    *,
    target: str = "any",
    photographs: Path | None = None,
    overwrite: bool = False,
) -> OrtFiles:
    """Write an exported model as NAME.ort, and beside it the list of operators and types that it needs.

    Args:
        model: an .onnx file of our exporter, also a style encoder.
        output: NAME.ort; beside the model if None. In another place the model's NAME.styles.json and NAME.encoder.onnx
            are copied too.
        target: one of `TARGETS`.
        photographs: folder of images to check on; drawn ones if None.
        overwrite: replace files that exist; remove those of another network that would be used with the new one.

    Raises:
        InputError: no such model or folder.
        ModelError: damaged, not of our exporter, or the result computes something else; nothing is written then.
        StyleError: the styles file beside the model is malformed.
        OutputError: an output cannot be written or exists, or another network's files would lie beside it.
        DependencyError: this ONNX Runtime has no converter.

    Examples:
        ```python
        export_ort(Path("candy.onnx"), target="arm").operators
        ```
    """
    source, record = read_model_file(model, "an .onnx file of nst-rt's exporter")
    output = output or model.with_suffix(ORT_SUFFIX)
    if output.suffix != ORT_SUFFIX:
        raise OutputError(
            f"{output}: a file in ONNX Runtime's format ends with {ORT_SUFFIX}. Give {output.stem}{ORT_SUFFIX}",
            parameter="output",
        )
    operators = output.with_suffix(OPERATORS)
    for path in (output, operators):
        refuse_unwritable(path)
        check_not_taken(path, [model], overwrite=overwrite)
    companions = plan_companions(model, record, output, overwrite=overwrite)
    with tempfile.TemporaryDirectory() as folder:
        converted, needed = _convert(model, Path(folder), target, output.name)
    parity = _compare(source, converted, record, ModelFiles(model), sample_images(photographs))
    if any(not entry.psnr >= LEAST_PSNR for entry in parity):
        weakest = min(entry.psnr for entry in parity)
        raise ModelError(
            f"{output}: would differ from {model.name} ({weakest:.1f} dB). Nothing was written. Please report this"
        )
    files = [(output, converted), (operators, needed.encode()), *companions.copies]
    write_all([], files, stale=companions.stale)
    return OrtFiles(output, operators, record, parity, companions.paths)


def _convert(model: Path, folder: Path, target: str, name: str) -> tuple[bytes, str]:
    try:
        tool: Any = importlib.import_module("onnxruntime.tools.convert_onnx_models_to_ort")
    except ImportError as error:
        raise DependencyError(
            f"ONNX Runtime's converter cannot be loaded ({error}). Reinstall the whole wheel: "
            "pip install --force-reinstall onnxruntime (or onnxruntime-gpu)"
        ) from error
    shutil.copyfile(model, folder / "model.onnx")
    logging.getLogger("ort_format_model.utils").setLevel(logging.WARNING)
    runtime = load_onnxruntime()
    runtime.set_default_logger_severity(3)  # it warns about every file for one kind of CPU
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the converter prints its steps
            tool.convert_onnx_models_to_ort(
                folder / "model.onnx",
                output_dir=folder,
                optimization_styles=[tool.OptimizationStyle.Fixed],
                target_platform=None if target == "any" else target,
                enable_type_reduction=True,
            )
        lines = (folder / f"model{OPERATORS}").read_text(encoding="utf-8").splitlines()
        converted = (folder / "model.ort").read_bytes()
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise ModelError(f"{model}: ONNX Runtime cannot convert it ({str(error)[:300]}). Please report this") from error
    finally:
        runtime.set_default_logger_severity(2)  # ONNX Runtime's default
    kept = [line for line in lines if line and not line.startswith("#")]  # the comments name the temporary folder
    return converted, "\n".join([f"# Of {name}", *kept, ""])


def _compare(
    source: onnx.ModelProto, converted: bytes, record: ModelRecord, files: ModelFiles, images: Sequence[Image]
) -> tuple[Parity, ...]:
    before, after = open_session(source.SerializeToString()), open_session(converted)
    given = {value.name for value in source.graph.input}
    feeds: dict[str, Any] = {name: value for name, value in full_controls().items() if name in given}
    if contract.STYLE in given:
        feeds[contract.STYLE] = two_vectors(record, named_vectors(files, record))[0][None]
    return tuple(_difference(before, after, record, image, feeds) for image in images)


def _difference(before: Session, after: Session, record: ModelRecord, image: Image, feeds: dict[str, Any]) -> Parity:
    frame = contract.IMAGE if record.kind == "style_encoder" else contract.FRAME
    expected, actual = (session.run(None, {**feeds, frame: image[None]})[0] for session in (before, after))
    if record.kind == "style_encoder":
        return compare_vectors(expected, actual, *image.shape[:2])
    return compare_images(expected[0], actual[0])
