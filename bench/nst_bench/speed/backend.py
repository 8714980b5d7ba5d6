"""What runs a network in a comparison of speed: the protocol that all backends keep, and nst-rt itself."""

import importlib.util
from collections.abc import Sequence
from typing import Protocol

from nst_rt.contract import Frame
from nst_rt.engine.devices import list_devices, parse_device

from nst_bench.harness.workload import Case, Target
from nst_bench.speed.networks import OwnNetwork


class Backend(Protocol):
    """One way to stylise frames with one network. Calls come from one thread."""

    name: str
    """Unique within a comparison."""
    network: str
    """The name of the network that it runs: images of the same network are compared with each other."""

    def unavailable(self) -> str:
        """Why it cannot run here, in one line with what to install; empty if it can."""
        ...

    def prepare(self, case: Case) -> None:
        """Load, compile and pin to the size of the frames; not timed. May raise any exception."""
        ...

    def call(self, frame: Frame) -> Frame:
        """Stylise a frame uint8 (H, W, 3) BGR in host memory into a new one of the same shape."""
        ...

    def close(self) -> None:
        """Free everything that `prepare` has made."""
        ...


class NstRtBackend:
    """`nst_rt.Stylizer` on one device, in one precision.

    Args:
        target: device, precision and threads; its model is not used.
    """

    def __init__(self, network: OwnNetwork, target: Target) -> None:
        self._network, self._target = network, target
        self.name = f"nst-rt {target.device}" + (f" {target.precision}" if target.precision != "auto" else "")
        self.network = network.name

    def unavailable(self) -> str:
        device = parse_device(self._target.device)
        if device is not None and device.kind not in {other.kind for other in list_devices()}:
            return "not installed"
        # The model's own error would name a temporary file.
        return "" if self._target.precision != "int8" or self._network.int8 else f"{self.network} has no int8 file"

    def prepare(self, case: Case) -> None:
        style, file = self._network.style, self._network.file
        target = Target(self._target.device, self._target.precision, file, self._target.threads)
        self._stylizer = target.load(style=style)
        self._stylizer.warm_up(case.height, case.width)

    def call(self, frame: Frame) -> Frame:
        return self._stylizer(frame)

    def close(self) -> None:
        self._stylizer.close()


def missing(packages: Sequence[str]) -> str:
    """Why a backend is unavailable if one of its `packages` is not installed; empty if all are."""
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    return f"not installed: pip install {' '.join(absent)}" if absent else ""
