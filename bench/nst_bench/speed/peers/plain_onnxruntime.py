"""ONNX Runtime as tutorials use it: a float NCHW model from `torch.onnx.export`, default options, numpy around it."""

from pathlib import Path
from typing import Any

from nst_rt import contract
from nst_rt.contract import Frame
from nst_rt.engine.ort import load_onnxruntime

from nst_bench.harness.workload import Case
from nst_bench.speed.networks import OwnNetwork
from nst_bench.speed.peers.peer import Peer, to_float, to_frame


class PlainOnnxRuntime(Peer):
    """On the CPU; without our conversion of bytes in the graph, folded constants and phase convolutions."""

    name = "ONNX Runtime, plain"
    packages = ("onnx",)

    def prepare(self, case: Case) -> None:
        self._session = _open(self._float_model(case), self._threads)

    def call(self, frame: Frame) -> Frame:
        (stylised,) = self._session.run(None, {"input": to_float(frame, self._white)})
        return to_frame(stylised[0], self._white)

    def close(self) -> None:
        del self._session


class PlainOnnxRuntimeInt8(Peer):
    """On the CPU, our own int8 file with default options: no pinned sizes, every input fed in every call."""

    name = "ONNX Runtime, plain, int8"

    def __init__(self, network: OwnNetwork, threads: int | None = None) -> None:
        super().__init__(network, threads)
        self._own = network

    def unavailable(self) -> str:
        return "" if self._own.int8 else f"{self.network} has no int8 file"

    def prepare(self, case: Case) -> None:
        assert self._own.int8 is not None  # or it would be unavailable
        self._session = _open(self._own.int8, self._threads)
        names = {given.name for given in self._session.get_inputs()}
        self._inputs = {name: value for name, value in self._own.inputs().items() if name in names}

    def call(self, frame: Frame) -> Frame:
        (stylised,) = self._session.run(None, {contract.FRAME: frame[None], **self._inputs})
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
