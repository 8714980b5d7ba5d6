"""ONNX Runtime the way tutorials use it: a float NCHW model from `torch.onnx.export`, default options, numpy around."""

from nst_rt.ort import load_onnxruntime
from nst_rt.stylizer import Frame

from nst_bench.latency import Case
from nst_bench.speed.contender import missing
from nst_bench.speed.networks import Network
from nst_bench.speed.peers.float_pictures import to_float, to_frame


class PlainOnnxRuntime:
    """On the processor; without our byte ends, folded constants and phase convolutions."""

    name = "ONNX Runtime, plain"

    def __init__(self, network: Network, threads: int | None = None) -> None:
        self._network, self._threads = network, threads

    def available(self) -> str:
        return missing(["onnx"])

    def prepare(self, case: Case) -> None:
        runtime = load_onnxruntime()
        options = runtime.SessionOptions()
        if self._threads:
            options.intra_op_num_threads = self._threads
        path = str(self._network.float_model(case))
        self._session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def call(self, frame: Frame) -> Frame:
        (stylised,) = self._session.run(None, {"input": to_float(frame, self._network.white)})
        return to_frame(stylised[0], self._network.white)

    def close(self) -> None:
        del self._session
