"""Optimisation-based style transfer: what the runtime asks of the package that can do it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from nst_rt.contract import Frame
from nst_rt.jobs.extras import PROVIDERS


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
            settings: by the names in `jobs.grid.parameters.PARAMETERS`; what is left out has the optimiser's default.

        Returns:
            uint8 (H, W, 3) BGR.

        Raises:
            NstError: a painting that cannot be read, a layer that is not there, losses that are not finite.
        """


class OptimizerLoader(Protocol):
    """Opens a loss network."""

    def __call__(self, *, weights: str | None, device: str, precision: str, threads: int | None) -> ImageOptimizer:
        """Open the loss network.

        Args:
            weights: a file, or `vgg19` or `vgg16`; looked for if left out.

        Raises:
            InputError: no such loss network.
            DeviceError: the device is not there.
        """


def load_optimizer() -> OptimizerLoader:
    """The optimiser of the package that trains.

    Raises:
        DependencyError: it is not installed, or lacks a package; the message holds the install line.
    """
    return cast(OptimizerLoader, PROVIDERS["optimizer"].load_for("optimising"))
