"""Running averages of weights, which stylise more evenly than the last weights of a noisy run."""

import copy

import torch
from torch import Tensor, nn


class RunningAverage:
    """Exponential averages of a model's parameters, in float32 on their device.

    Args:
        model: the current values are where the averages begin.
        decay: weight of the past; smaller in the first steps, when there is no past worth keeping.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self.values = {name: value.detach().clone() for name, value in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the parameters after step number `step`, counted from 1."""
        weight = 1 - min(self._decay, (1 + step) / (10 + step))
        for name, value in model.named_parameters():
            self.values[name].lerp_(value, weight)

    @torch.no_grad()
    def load(self, values: dict[str, Tensor]) -> None:
        """Continue from stored averages."""
        for name, value in self.values.items():
            value.copy_(values[name])

    @torch.no_grad()
    def averaged(self, model: nn.Module) -> nn.Module:
        """A frozen copy of `model`, in evaluation mode, with the averages as its parameters."""
        twin = copy.deepcopy(model).eval().requires_grad_(False)
        for name, parameter in twin.named_parameters():
            parameter.copy_(self.values[name])
        return twin
