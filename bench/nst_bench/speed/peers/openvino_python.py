"""OpenVINO's own Python API on our own file: bytes in, bytes out, as a user of OpenVINO would load it."""

from typing import Any

import numpy as np
from nst_rt import contract
from nst_rt.contract import Frame

from nst_bench.harness.workload import Case
from nst_bench.speed.networks import OwnNetwork
from nst_bench.speed.peers.peer import Peer

HINTS = {"f32": "f32", "bf16": "bf16", "int8": "f32", "int8 and bf16": "bf16"}
"""The precision in which OpenVINO computes what is not quantised."""


class OpenVinoPython(Peer):
    """On the CPU, in a given precision; everything else is OpenVINO's default.

    Args:
        precision: one of `HINTS`. `f32` and `bf16` take our fp32 file. `int8` takes our int8 file and computes what is
            not quantised in f32, as nst-rt does on the device openvino. `int8 and bf16` computes that in bf16, which
            is OpenVINO's default on a CPU with bf16 instructions.
    """

    packages = ("openvino",)

    def __init__(self, network: OwnNetwork, threads: int | None = None, precision: str = "f32") -> None:
        super().__init__(network, threads)
        self._own = network
        self._hint, self._quantised = HINTS[precision], precision.startswith("int8")
        self.name = f"OpenVINO Python API, {precision}"

    def unavailable(self) -> str:
        if self._quantised and self._own.int8 is None:
            return f"{self.network} has no int8 file"
        if reason := super().unavailable():
            return reason
        return "no bf16 instructions" if self._hint == "bf16" and not _computes_bf16() else ""

    def prepare(self, case: Case) -> None:
        import openvino  # type: ignore[import-not-found,unused-ignore]

        core = openvino.Core()
        model = core.read_model(self._own.int8 if self._quantised else self._own.file)
        inputs = self._own.inputs()
        inputs[contract.FRAME] = np.zeros((1, case.height, case.width, 3), np.uint8)
        names = [given.get_any_name() for given in model.inputs]
        model.reshape({name: list(inputs[name].shape) for name in names})
        properties: dict[str, Any] = {"INFERENCE_PRECISION_HINT": self._hint}
        if self._threads:
            properties["INFERENCE_NUM_THREADS"] = self._threads
        self._request = core.compile_model(model, "CPU", properties).create_infer_request()
        self._inputs = {name: inputs[name] for name in names if name != contract.FRAME}

    def call(self, frame: Frame) -> Frame:
        results = self._request.infer({contract.FRAME: frame[None], **self._inputs})
        stylised: Frame = next(iter(results.values()))[0].copy()
        return stylised

    def close(self) -> None:
        del self._request


def _computes_bf16() -> bool:
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
