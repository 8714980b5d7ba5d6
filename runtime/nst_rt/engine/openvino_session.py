"""OpenVINO's own runtime behind the calls that `nst_rt.engine.session` makes of an ONNX Runtime session."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import openvino  # type: ignore[import-not-found,unused-ignore]
from numpy.typing import NDArray

from nst_rt.engine.openvino import OWN_RUNTIME
from nst_rt.engine.ort import load_onnxruntime


class OwnSession:
    """A model compiled by OpenVINO for the processor. Not to be shared by threads.

    The signature and the metadata are ONNX Runtime's reading of the file, so that both runtimes are held to the same
    contract. OpenVINO's exceptions pass through, their last line alone.

    Args:
        path: the ONNX file.
        options: an `onnxruntime.SessionOptions` with the dimensions pinned.
        properties: OpenVINO's, of the compiled network.
        pins: value of each symbolic dimension; empty leaves every size open.
    """

    def __init__(self, path: Path, options: Any, properties: Mapping[str, str], pins: Mapping[str, int]) -> None:
        runtime = load_onnxruntime()
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._file = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        try:
            core = openvino.Core()
            model = core.read_model(path)
            if pins:
                model.reshape({given.name: given.shape for given in self._file.get_inputs()})
            self._network = core.compile_model(model, "CPU", dict(properties))
            self._request = self._network.create_infer_request()
        except RuntimeError as error:
            raise RuntimeError(str(error).strip().splitlines()[-1]) from error

    def run(self, names: None, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Feed every input by name; returns the only output, as a new array, in a list."""
        arrays = {name: np.ascontiguousarray(values) for name, values in feeds.items()}  # kept until it has run
        for name, values in arrays.items():
            self._request.set_tensor(name, openvino.Tensor(values, shared_memory=True))
        self._request.infer()
        return [self._request.get_output_tensor().data.copy()]

    def get_inputs(self) -> list[Any]:
        """Name, type and shape of each input."""
        return list(self._file.get_inputs())

    def get_outputs(self) -> list[Any]:
        """Name, type and shape of each output."""
        return list(self._file.get_outputs())

    def get_modelmeta(self) -> Any:
        """The file's metadata."""
        return self._file.get_modelmeta()

    def get_providers(self) -> list[str]:
        """OpenVINO runs all of a network or refuses it."""
        return [OWN_RUNTIME]

    def get_provider_graph_assignment_info(self) -> list[Any]:
        """The compiled network's own operators, as one subgraph."""
        layers = [
            str(node.get_rt_info()["layerType"].astype(str)) for node in self._network.get_runtime_model().get_ops()
        ]
        nodes = [SimpleNamespace(op_type=layer) for layer in layers if layer not in ("Input", "Output", "Const")]
        return [SimpleNamespace(ep_name=OWN_RUNTIME, get_nodes=lambda: nodes)]
