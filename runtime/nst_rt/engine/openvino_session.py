"""Sessions that run on OpenVINO, with each of its backends."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_rt.engine.openvino import OWN_RUNTIME, PROVIDER, openvino_backend, plugin_cpu
from nst_rt.engine.ort import load_onnxruntime


def open_openvino(path: Path, options: Any, properties: Mapping[str, str], pins: Mapping[str, int]) -> Any:
    """Open a session of the model `path` with the backend that is installed.

    Args:
        options: an `onnxruntime.SessionOptions`, its dimensions pinned.
        properties: from `nst_rt.engine.openvino.configuration`.
        pins: the same dimensions by name; empty for any size.

    Returns:
        An `onnxruntime.InferenceSession`, or an `OwnSession`, which has the same methods.
    """
    runtime = load_onnxruntime()
    load_config = json.dumps({"CPU": dict(properties)})
    match openvino_backend():
        case "plugin":
            options.add_provider_for_devices([plugin_cpu()], {"load_config": load_config})
            return runtime.InferenceSession(str(path), options, enable_fallback=0)
        case "built_in":
            providers = [(PROVIDER, {"device_type": "CPU", "load_config": load_config}), "CPUExecutionProvider"]
            return runtime.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
        case _:
            return OwnSession(path, options, properties, pins)


class OwnSession:
    """A model compiled by OpenVINO's own runtime for the CPU, with the methods of an ONNX Runtime session.

    Not to be shared by threads. ONNX Runtime reads the signature and the metadata from the file, so that every backend
    keeps the same contract. Of OpenVINO's exceptions only the last line is passed on.

    Args:
        path: the ONNX file.
        options: an `onnxruntime.SessionOptions` with the dimensions pinned.
        properties: OpenVINO's properties of the compiled network.
        pins: the value of each symbolic dimension; empty leaves every size open.
    """

    def __init__(self, path: Path, options: Any, properties: Mapping[str, str], pins: Mapping[str, int]) -> None:
        import openvino  # type: ignore[import-not-found,unused-ignore] # takes a fifth of a second

        runtime = load_onnxruntime()
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._file = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._tensor = openvino.Tensor
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
        arrays = {name: np.ascontiguousarray(values) for name, values in feeds.items()}  # kept alive until the run ends
        for name, values in arrays.items():
            self._request.set_tensor(name, self._tensor(values, shared_memory=True))
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
        """OpenVINO alone: it runs all of a network, or refuses it."""
        return [OWN_RUNTIME]

    def get_provider_graph_assignment_info(self) -> list[Any]:
        """The operators of the compiled network, as one subgraph."""
        layers = [
            str(node.get_rt_info()["layerType"].astype(str)) for node in self._network.get_runtime_model().get_ops()
        ]
        nodes = [SimpleNamespace(op_type=layer) for layer in layers if layer not in ("Input", "Output", "Const")]
        return [SimpleNamespace(ep_name=OWN_RUNTIME, get_nodes=lambda: nodes)]
