"""What every contender of a measurement answers to: ours and the peers alike."""

import importlib.util
from collections.abc import Sequence
from typing import Protocol

from nst_rt.contract import Frame

from nst_bench.harness.latency import Case


class Contender(Protocol):
    """One way to stylise frames with one network. Calls come from one thread."""

    name: str
    """Unique within a measurement."""
    network: str
    """Name of the network that it runs: images are held against those of the same one."""

    def available(self) -> str:
        """Why it cannot run here, in one line with what to install; empty where it can."""
        ...

    def prepare(self, case: Case) -> None:
        """Load, compile and pin to the frames' size; not timed. May raise anything."""
        ...

    def call(self, frame: Frame) -> Frame:
        """Stylise a frame uint8 (H, W, 3) BGR in host memory into a new one of the same shape."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


def missing(packages: Sequence[str]) -> str:
    """The first line of an excuse for each of `packages` that is not installed; empty where all are."""
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    return f"not installed: pip install {' '.join(absent)}" if absent else ""
