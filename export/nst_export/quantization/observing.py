"""Looking at tensors inside a graph while it runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import onnx
from numpy.typing import NDArray

from nst_export.parity.parity import open_session


def observe(
    model: onnx.ModelProto, tensors: Sequence[str], runs: Iterable[Mapping[str, NDArray[Any]]]
) -> Iterator[dict[str, NDArray[Any]]]:
    """The values of inner tensors, for one run after the other.

    Args:
        tensors: names of tensors that nodes write.
        runs: the inputs of the model, for every run.

    Raises:
        ModelError: ONNX Runtime rejects the model.
    """
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    names = list(dict.fromkeys(tensors))
    outputs = {entry.name for entry in opened.graph.output}
    opened.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in outputs)
    session = open_session(opened.SerializeToString())
    for feeds in runs:
        yield dict(zip(names, session.run(names, feeds), strict=True))
