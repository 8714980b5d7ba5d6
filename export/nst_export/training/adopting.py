"""Weights of one run as the start of another."""

import torch
from nst_rt.errors import ModelError
from torch import Tensor, nn


def adopt_values(model: nn.Module, values: dict[str, Tensor]) -> list[str]:
    """Copy values into the parameters of the same names; returns the names of parameters without a value.

    Raises:
        ModelError: a value of another shape, or none that fits at all.
    """
    missing = []
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():
        value = values.get(name)
        if value is None:
            missing.append(name)
        elif value.shape != parameter.shape:
            raise ModelError(
                f"--start: {name} is {tuple(value.shape)} there and {tuple(parameter.shape)} here. "
                "Give the widths of the network that the start was trained with"
            )
        else:
            with torch.no_grad():
                parameter.copy_(value)
    if len(missing) == len(parameters):
        found = ", ".join(list(values)[:6])
        raise ModelError(f"--start: none of its weights fits here, it has {found}. Give a checkpoint of this recipe")
    return missing
