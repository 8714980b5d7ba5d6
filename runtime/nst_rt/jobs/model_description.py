"""Everything that a model file promises."""

from dataclasses import asdict
from typing import Any

from nst_rt.engine.session import read_model, signature
from nst_rt.files.reading import file_sha256
from nst_rt.models.catalog import find_model


def describe_model(model: str) -> dict[str, Any]:
    """The record, the inputs and outputs and the size of a model file, ready for JSON.

    Args:
        model: a model's name or .onnx file.

    Raises:
        ModelError: there is no such model, it is not made for nst-rt, truncated, or breaks the contract.

    Examples:
        >>> describe_model("conditional")["family"]
        'conditional'
    """
    path = find_model(model).path
    record = read_model(path)
    inputs, outputs = signature(path)
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "sha256": file_sha256(path),
        **asdict(record),
        "inputs": [asdict(tensor) for tensor in inputs],
        "outputs": [asdict(tensor) for tensor in outputs],
    }
