"""What a recipe has to bring for the loop to train it."""

import abc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from nst_train.loop.hardware import Hardware
from nst_train.loop.validation import Column
from nst_train.recipes.adopting import adopt_values
from nst_train.settings import RunSettings

Batch = dict[str, Tensor]
"""Tensors on the CPU, as a recipe's `batch` makes them; the loop moves them to the device."""


class Recipe(abc.ABC):
    """A network in training: its parameters, its batches, its losses, and what is written in the end."""

    name: ClassVar[str]
    settings: RunSettings
    hardware: Hardware
    model: nn.Module
    """What is trained: all of its parameters, by these names in checkpoints. Frozen networks stay outside."""

    def rate(self, parameter: str) -> float:
        """Learning rate of a parameter, by its name in `model`, as a multiple of the run's."""
        return 1.0

    @abc.abstractmethod
    def batch(self, step: int) -> Batch:
        """What a step learns from, made from (seed, step) alone. Called from several threads."""

    @abc.abstractmethod
    def losses(self, step: int, batch: Batch) -> dict[str, Tensor]:
        """Every weighted loss of a batch on the device, a scalar each; rng comes from (seed, step) alone."""

    @abc.abstractmethod
    def columns(self, model: nn.Module) -> Iterator[Column]:
        """What a contact sheet shows of a model with averaged weights."""

    @abc.abstractmethod
    def write_weights(self, model: nn.Module, folder: Path, training: str) -> list[Path]:
        """Write the files that `nst-rt export` takes.

        Args:
            model: with averaged weights.
            training: how it was trained, in words.

        Raises:
            OutputError: a file cannot be written.
        """

    @abc.abstractmethod
    def data(self) -> dict[str, Any]:
        """Folders and files that are learned from, for the run record."""

    def adopt(self, values: dict[str, Tensor], settings: dict[str, Any]) -> list[str]:
        """Take over another run's weights as the start of this one; returns the names that nothing was found for.

        Args:
            values: averaged parameters by name.
            settings: of the other run.

        Raises:
            ModelError: a weight of another shape.
        """
        return adopt_values(self.model, values)
