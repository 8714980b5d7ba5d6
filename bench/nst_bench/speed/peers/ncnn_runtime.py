"""ncnn with its default options, converted from PyTorch by its own pnnx."""

import contextlib
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from nst_rt.contract import Frame

from nst_bench.harness.workload import Case
from nst_bench.speed.networks import Network
from nst_bench.speed.peers.peer import Peer, to_float, to_frame


class Ncnn(Peer):
    """On the CPU; pnnx stores weights as fp16, ncnn computes in fp32 on x86."""

    name = "ncnn"
    packages = ("ncnn", "pnnx")

    def __init__(self, network: Network, threads: int | None = None) -> None:
        super().__init__(network, threads)
        self._module = network.module

    def prepare(self, case: Case) -> None:
        import ncnn  # type: ignore[import-not-found,unused-ignore]
        import pnnx  # type: ignore[import-not-found,unused-ignore]
        import torch

        with tempfile.TemporaryDirectory() as folder:
            traced = Path(folder) / "network.pt"
            with _silent(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it uses PyTorch's older tracer
                pnnx.export(self._module, str(traced), (torch.zeros(1, 3, case.height, case.width),))
            self._net = ncnn.Net()
            if self._threads:
                self._net.opt.num_threads = self._threads
            for load, suffix in ((self._net.load_param, "param"), (self._net.load_model, "bin")):
                if load(str(traced.with_name(f"network.ncnn.{suffix}"))) != 0:
                    raise RuntimeError(f"ncnn cannot read the {suffix} file that pnnx wrote")
        self._mat = ncnn.Mat

    def call(self, frame: Frame) -> Frame:
        extractor = self._net.create_extractor()
        extractor.input("in0", self._mat(to_float(frame, self._white)[0]))
        code, stylised = extractor.extract("out0")
        if code != 0:
            raise RuntimeError(f"ncnn's extractor returned {code}")
        return to_frame(np.array(stylised), self._white)

    def close(self) -> None:
        self._net.clear()


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    # pnnx is a program that prints its passes; stdout is for data.
    stdout, stderr = os.dup(1), os.dup(2)
    try:
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
            yield
    finally:
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        os.close(stdout)
        os.close(stderr)
