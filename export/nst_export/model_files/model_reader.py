"""Reads an exported model file: its graph and its record."""

from pathlib import Path

import onnx
from nst_rt.contract import ModelRecord
from nst_rt.errors import InputError, ModelError
from nst_rt.files.paths import is_file
from nst_rt.models.catalog import find_model, is_model_path


def model_and_output(name_or_path: str, output: Path | None, suffix: str) -> tuple[Path, Path | None]:
    """The file of a model, and the path of a file that is made of it.

    Args:
        name_or_path: a model's .onnx file, or its name.
        output: the path that was asked for, if any.
        suffix: of the output.

    Returns:
        The model's path, and `output`. Where `output` is None and the model was given by name, it is NAME + `suffix` in
        the working folder, because a named model may lie inside the installed package.

    Raises:
        ModelError: no model of this name.
    """
    path = Path(name_or_path)
    if is_model_path(name_or_path) or is_file(path):
        return path, output
    files = find_model(name_or_path)
    return files.path, output or Path(files.name + suffix)


def read_model_file(path: Path, expected: str) -> tuple[onnx.ModelProto, ModelRecord]:
    """The graph of an .onnx file with its weights, and its record.

    Args:
        expected: what to give instead of a missing file, for the message.

    Raises:
        InputError: no such file.
        ModelError: damaged, or not written by nst-rt's exporter.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file. Give {expected}")
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's errors have no base class that onnx exports
        raise ModelError(f"{path}: damaged, or no ONNX file. Export or copy it again") from error
    return model, ModelRecord.from_metadata({entry.key: entry.value for entry in model.metadata_props}, str(path))
