"""An exported model file read back: its graph and its record."""

from pathlib import Path

import onnx
from nst_rt.contract import ModelRecord
from nst_rt.errors import InputError, ModelError
from nst_rt.files.paths import is_file
from nst_rt.models.catalog import find_model, is_model_path


def model_and_output(name_or_path: str, output: Path | None, suffix: str) -> tuple[Path, Path | None]:
    """The file of a model, and where what is made of it goes.

    Args:
        name_or_path: a model's .onnx file, or its name as `--model` takes it.
        output: as the user named it.
        suffix: of the output.

    Returns:
        The path, and `output`; where that is left out and the model was named, NAME and `suffix` in the working folder:
        a name's file may lie inside the installed package.

    Raises:
        ModelError: no model of this name.
    """
    path = Path(name_or_path)
    if is_model_path(name_or_path) or is_file(path):
        return path, output
    files = find_model(name_or_path)
    return files.path, output or Path(files.name + suffix)


def read_model_file(path: Path, wanted: str) -> tuple[onnx.ModelProto, ModelRecord]:
    """The graph of an .onnx file, weights included, and what it says of itself.

    Args:
        wanted: what to give instead of a file that is not there.

    Raises:
        InputError: no such file.
        ModelError: damaged, or not written by nst-rt's exporter.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file. Give {wanted}")
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's errors have no base that onnx exports
        raise ModelError(f"{path}: damaged, or no ONNX file. Export or copy it again") from error
    return model, ModelRecord.from_metadata({entry.key: entry.value for entry in model.metadata_props}, str(path))
