"""Fitting a style vector to one painting: what the runtime asks of the package that can do it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

from nst_rt.contract import StyleVector
from nst_rt.jobs.extras import PROVIDERS


@dataclass(frozen=True)
class Tuned:
    """A tuned style vector and how it came about."""

    vector: StyleVector
    """float32 (S,)."""
    training: str
    """In words."""
    steps: int
    finished: bool
    """All of the time or the steps were used; otherwise Ctrl-C ended it early."""
    closed: Mapping[str, float] = field(default_factory=dict)
    """Share of the photographs' style loss that is closed, 1 being the painting's own style: `before`, `after`."""


@dataclass(frozen=True, kw_only=True)
class TuningOptions:
    """How long a style is fitted, and with what."""

    minutes: float = 5.0
    """At most."""
    photographs: Path | None = None
    """Folder of the photographs that are stylised during the fit; drawn images if left out."""
    loss_network: Path | None = None
    """The VGG that judges; looked for if left out."""
    device: str = "auto"
    """`auto` (CUDA where there is a device), `cpu` or `cuda`."""


class Tuner(Protocol):
    """Fits a vector, telling on stderr where it is. The first Ctrl-C ends it with the vector found so far."""

    def __call__(
        self,
        model: Path,
        painting: Path,
        start: StyleVector | None,
        options: TuningOptions,
    ) -> Tuned:
        """Fit a style vector of a model to a painting.

        Args:
            model: an .onnx file in float32.
            start: float32 (S,); the neutral vector if left out.

        Raises:
            KeyboardInterrupt: before the first step was done.
        """


def load_tuner() -> Tuner:
    """The tuner of the package that trains.

    Raises:
        DependencyError: it is not installed, or lacks a package; the message holds the install line.
    """
    return cast(Tuner, PROVIDERS["tuner"].load_for("tuning"))
