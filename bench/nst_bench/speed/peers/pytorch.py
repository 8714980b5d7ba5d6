"""PyTorch, eager or through `torch.compile`: fp32 on a processor, fp32 and fp16 on a card."""

import copy
from typing import TYPE_CHECKING

from nst_rt.contract import Frame

from nst_bench.harness.latency import Case
from nst_bench.speed.contender import missing
from nst_bench.speed.networks import Network
from nst_bench.speed.peers.float_images import to_float, to_frame

if TYPE_CHECKING:
    from torch import Tensor


class PyTorch:
    """The network as a module, images through numpy.

    Args:
        card: on CUDA rather than on the processor.
        half: weights and activations in fp16.
    """

    def __init__(
        self,
        network: Network,
        compiled: bool = False,
        threads: int | None = None,
        *,
        card: bool = False,
        half: bool = False,
    ) -> None:
        self._network, self._compiled, self._threads, self._card, self._half = network, compiled, threads, card, half
        where = f" CUDA {'fp16' if half else 'fp32'}" if card else ""
        self.name = ("torch.compile" if compiled else "PyTorch eager") + where
        self.network = network.name

    def available(self) -> str:
        if reason := missing(["torch"]):
            return reason
        import torch

        return "this PyTorch sees no card" if self._card and not torch.cuda.is_available() else ""

    def prepare(self, case: Case) -> None:
        import torch

        if self._threads:
            torch.set_num_threads(self._threads)
        module = self._network.module
        if self._card:
            module = copy.deepcopy(module).to("cuda", torch.float16 if self._half else torch.float32)
        self._module = torch.compile(module) if self._compiled else module
        # The compiler works at the first call, and once more where it finds sizes changing.
        self._stylise(torch.zeros(1, 3, case.height, case.width))

    def call(self, frame: Frame) -> Frame:
        import torch

        stylised = self._stylise(torch.from_numpy(to_float(frame, self._network.white)))
        return to_frame(stylised.numpy(), self._network.white)

    def close(self) -> None:
        import torch

        del self._module
        if self._compiled:
            torch._dynamo.reset()

    def _stylise(self, image: "Tensor") -> "Tensor":
        import torch

        with torch.inference_mode():
            if self._card:
                image = image.to("cuda", torch.float16 if self._half else torch.float32)
            stylised: Tensor = self._module(image)[0].float().cpu()
        return stylised
