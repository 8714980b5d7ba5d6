"""PyTorch, eager or through `torch.compile`: fp32 on a CPU, fp32 and fp16 on a GPU."""

import copy
from typing import TYPE_CHECKING

from nst_rt.contract import Frame

from nst_bench.harness.workload import Case
from nst_bench.speed.networks import Network
from nst_bench.speed.peers.peer import Peer, to_float, to_frame

if TYPE_CHECKING:
    from torch import Tensor


class PyTorch(Peer):
    """The network as a module, images through numpy.

    Args:
        gpu: on CUDA instead of the CPU.
        half: weights and activations in fp16.
    """

    packages = ("torch",)

    def __init__(
        self,
        network: Network,
        threads: int | None = None,
        *,
        compiled: bool = False,
        gpu: bool = False,
        half: bool = False,
    ) -> None:
        super().__init__(network, threads)
        self._original, self._compiled, self._gpu, self._half = network.module, compiled, gpu, half
        where = f" CUDA {'fp16' if half else 'fp32'}" if gpu else ""
        self.name = ("torch.compile" if compiled else "PyTorch eager") + where

    def unavailable(self) -> str:
        if reason := super().unavailable():
            return reason
        import torch

        return "this PyTorch finds no GPU" if self._gpu and not torch.cuda.is_available() else ""

    def prepare(self, case: Case) -> None:
        import torch

        if self._threads:
            torch.set_num_threads(self._threads)
        module = self._original
        if self._gpu:
            module = copy.deepcopy(module).to("cuda", torch.float16 if self._half else torch.float32)
        self._module = torch.compile(module) if self._compiled else module
        # The compiler works at the first call, and once more if it finds that sizes change.
        self._stylise(torch.zeros(1, 3, case.height, case.width))

    def call(self, frame: Frame) -> Frame:
        import torch

        stylised = self._stylise(torch.from_numpy(to_float(frame, self._white)))
        return to_frame(stylised.numpy(), self._white)

    def close(self) -> None:
        import torch

        del self._module
        if self._compiled:
            torch._dynamo.reset()

    def _stylise(self, image: "Tensor") -> "Tensor":
        import torch

        with torch.inference_mode():
            if self._gpu:
                image = image.to("cuda", torch.float16 if self._half else torch.float32)
            stylised: Tensor = self._module(image)[0].float().cpu()
        return stylised
