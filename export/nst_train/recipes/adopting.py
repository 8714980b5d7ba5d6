"""Weights of one run as the start of another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from nst_export.checkpoints.conditional_checkpoint import ConditionalWeights, conditional_of, is_weights_file
from nst_export.checkpoints.training_checkpoint import checkpoint_of, load_tensors
from nst_rt.errors import ModelError
from nst_rt.jobs.extras import refuse_missing
from nst_rt.models.catalog import is_model_path, list_models
from torch import Tensor, nn


@dataclass(frozen=True)
class Start:
    """Weights to begin a run with."""

    recipe: str
    values: dict[str, Tensor]
    """Parameters by the names that they have in the recipe's model."""
    settings: dict[str, Any]
    """Of the run they come from, as far as they are known."""
    age: str
    """How far they were trained, in words behind "its weights"."""


def read_start(path: Path) -> Start:
    """The averaged weights of a run's checkpoint, or those of a conditional network, exported or as training wrote it.

    Args:
        path: the checkpoint, conditional.pt, NAME.onnx, or the name alone of a model that `nst-rt` knows by it.

    Raises:
        InputError: missing, or a damaged checkpoint.
        ModelError: another kind of file, or a damaged .onnx file.
        StyleError: a malformed styles file beside the .onnx file.
        DependencyError: an .onnx file without the onnx package.
    """
    if not path.is_file():
        path = next((model.path for model in list_models() if model.name == str(path)), path)
    if is_model_path(str(path)):
        try:
            from nst_export.families.conditional_from_onnx import conditional_from_onnx
        except ModuleNotFoundError as error:
            refuse_missing(error, "--start with an .onnx file")
        return _start_of(conditional_from_onnx(path))
    content = load_tensors(path)
    if is_weights_file(content):
        return _start_of(conditional_of(content, path))
    state = checkpoint_of(content, path)
    return Start(state.recipe, state.average, state.settings, f" of step {state.step}")


def _start_of(weights: ConditionalWeights) -> Start:
    values = {f"network.{name}": value for name, value in weights.network.state_dict().items()}
    if weights.encoder:
        values |= {f"encoder.{name}": value for name, value in weights.encoder.state_dict().items()}
    values["styles"] = torch.stack([*weights.styles.values()]) if weights.styles else torch.empty(0, 0)
    settings = {"styles": dict.fromkeys(weights.styles, ""), "widths": weights.network.widths}
    return Start("conditional", values, settings, f" ({weights.training})" if weights.training else "")


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
