"""Optimisation-based transfer, as the runtime asks for it of the package that can do it.

The runtime knows no other package; whichever is installed and can optimise registers a function under the entry point
group `nst_rt.optimizing`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from nst_rt.contract import Frame
from nst_rt.jobs.extras import load_registered

GROUP = "nst_rt.optimizing"


class ImageOptimizer(Protocol):
    """Repaints photographs by optimising their pixels, with one loss network."""

    @property
    def inputs(self) -> dict[str, Any]:
        """What images depend on beside their arguments, ready for JSON."""

    def __call__(
        self, photograph: Frame, paintings: Sequence[tuple[Path, float]], settings: Mapping[str, Any]
    ) -> Frame:
        """Repaint a photograph.

        Args:
            photograph: uint8 (H, W, 3) BGR.
            paintings: files and their weights.
            settings: by the names of `nst-rt optimize`'s options without dashes in front; the others as they are there
                by default.

        Returns:
            uint8 (H, W, 3) BGR.

        Raises:
            NstError: a painting that cannot be read, a layer that is not there, losses that are not finite.
        """


class OptimizerLoader(Protocol):
    """Opens a loss network."""

    def __call__(self, *, weights: str | None, device: str, precision: str, threads: int | None) -> ImageOptimizer:
        """Arguments as the options of `nst-rt optimize`.

        Raises:
            InputError: no such loss network.
            DeviceError: the device is not there.
        """


def load_optimizer() -> OptimizerLoader:
    """The installed optimiser.

    Raises:
        DependencyError: there is none, or it lacks a package; the message holds the install line.
    """
    return cast(OptimizerLoader, load_registered(GROUP, "--method optimize"))
