"""nst-rt itself as a contender."""

from nst_rt.contract import Frame
from nst_rt.engine.devices import listed_devices, parse_device
from nst_rt.stylizer.stylizer import Stylizer

from nst_bench.harness.latency import Case
from nst_bench.speed.networks import OwnNetwork


class Ours:
    """`nst_rt.Stylizer` on one device, in one precision."""

    def __init__(self, network: OwnNetwork, device: str, precision: str = "auto", threads: int | None = None) -> None:
        self._network, self._device, self._precision, self._threads = network, device, precision, threads
        self.name = f"nst-rt {device}" + (f" {precision}" if precision != "auto" else "")
        self.network = network.name

    def available(self) -> str:
        device = parse_device(self._device)
        if device is not None and device.kind not in {other.kind for other in listed_devices()}:
            return "not installed"
        # Asked here, because the model's own error would name a file that is gone with the run.
        return "" if self._precision != "int8" or self._network.int8 else f"{self.network} has no int8 file"

    def prepare(self, case: Case) -> None:
        style = self._network.style
        self._stylizer = Stylizer.load(
            style if style is not None else self._network.file,
            model=self._network.file,
            device=self._device,
            precision=self._precision,
            threads=self._threads,
        )
        self._stylizer.warm_up(case.height, case.width)

    def call(self, frame: Frame) -> Frame:
        return self._stylizer(frame)

    def close(self) -> None:
        self._stylizer.close()
