"""What all peers share: a network, threads, needed packages; and frames as float images, as tutorials convert them."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from nst_rt.contract import Frame
from numpy.typing import NDArray

from nst_bench.harness.workload import Case
from nst_bench.speed.backend import missing
from nst_bench.speed.networks import Network

FloatImage = NDArray[np.float32]


class Peer(ABC):
    """A `Backend` that runs a network by another runtime.

    Args:
        threads: of the runtime; its own default if None.
    """

    name: str
    packages: ClassVar[tuple[str, ...]] = ()
    """What has to be installed, by import names."""

    def __init__(self, network: Network, threads: int | None = None) -> None:
        self._white, self._threads = network.white, threads
        self._float_model = network.float_model
        self.network = network.name

    def unavailable(self) -> str:
        return missing(self.packages)

    @abstractmethod
    def prepare(self, case: Case) -> None: ...

    @abstractmethod
    def call(self, frame: Frame) -> Frame: ...

    @abstractmethod
    def close(self) -> None: ...


def to_float(frame: Frame, white: float) -> FloatImage:
    """uint8 (H, W, 3) BGR to float32 (1, 3, H, W) RGB; 255 becomes `white`."""
    image = frame[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)
    if white != 255:
        image *= white / 255
    return np.ascontiguousarray(image[None])


def to_frame(image: FloatImage, white: float) -> Frame:
    """float32 (3, H, W) RGB to uint8 (H, W, 3) BGR, rounded and clamped; `white` becomes 255."""
    pixels = np.clip(np.rint(image * (255 / white)), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(pixels.transpose(1, 2, 0)[:, :, ::-1])
