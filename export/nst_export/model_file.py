"""An exported model file read back: its graph and its record."""

from pathlib import Path

import onnx
from nst_rt.contract import ModelRecord
from nst_rt.errors import InputError, ModelError


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
