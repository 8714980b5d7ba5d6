"""nst-rt itself as a contender."""

from nst_rt.devices import listed_devices, parse_device
from nst_rt.stylizer import Frame, Stylizer

from nst_bench.latency import Case
from nst_bench.speed.networks import Network


class Ours:
    """`nst_rt.Stylizer` on one device, in one precision."""

    def __init__(self, network: Network, device: str, precision: str = "auto", threads: int | None = None) -> None:
        self._network, self._device, self._precision, self._threads = network, device, precision, threads
        self.name = f"nst-rt {device}" + (f" {precision}" if precision != "auto" else "")

    def available(self) -> str:
        device = parse_device(self._device)
        return "" if device is None or device.kind in {other.kind for other in listed_devices()} else "not installed"

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
