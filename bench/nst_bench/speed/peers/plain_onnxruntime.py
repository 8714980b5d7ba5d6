"""ONNX Runtime the way tutorials use it: a float NCHW model from `torch.onnx.export`, default options, numpy around."""

from pathlib import Path
from typing import Any

from nst_rt import contract
from nst_rt.contract import Frame
from nst_rt.engine.ort import load_onnxruntime

from nst_bench.harness.latency import Case
from nst_bench.speed.contender import missing
from nst_bench.speed.networks import Network, OwnNetwork
from nst_bench.speed.peers.float_images import to_float, to_frame


class PlainOnnxRuntime:
    """On the processor; without our byte ends, folded constants and phase convolutions."""

    name = "ONNX Runtime, plain"

    def __init__(self, network: Network, threads: int | None = None) -> None:
        self._network, self._threads = network, threads
        self.network = network.name

    def available(self) -> str:
        return missing(["onnx"])

    def prepare(self, case: Case) -> None:
        self._session = _open(self._network.float_model(case), self._threads)

    def call(self, frame: Frame) -> Frame:
        (stylised,) = self._session.run(None, {"input": to_float(frame, self._network.white)})
        return to_frame(stylised[0], self._network.white)

    def close(self) -> None:
        del self._session


class PlainOnnxRuntimeInt8:
    """On the processor, our own int8 file with default options: no sizes pinned, everything fed by hand."""

    name = "ONNX Runtime, plain, int8"

    def __init__(self, network: OwnNetwork, threads: int | None = None) -> None:
        self._network, self._threads = network, threads
        self.network = network.name

    def available(self) -> str:
        return "" if self._network.int8 else f"{self.network} has no int8 file"

    def prepare(self, case: Case) -> None:
        assert self._network.int8 is not None  # it said that it is available
        self._session = _open(self._network.int8, self._threads)
        taken = {given.name for given in self._session.get_inputs()}
        self._fixed = {name: value for name, value in self._network.inputs().items() if name in taken}

    def call(self, frame: Frame) -> Frame:
        (stylised,) = self._session.run(None, {contract.FRAME: frame[None], **self._fixed})
        first: Frame = stylised[0]
        return first

    def close(self) -> None:
        del self._session


def _open(path: Path, threads: int | None) -> Any:
    runtime = load_onnxruntime()
    options = runtime.SessionOptions()
    if threads:
        options.intra_op_num_threads = threads
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
