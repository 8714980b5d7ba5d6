"""Going on from a checkpoint: whose it is, and the optimiser's state in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from nst_rt.errors import ModelError
from torch import Tensor, nn

PLACES = {"content", "style", "styles", "loss_network", "encoder", "paintings"}
"""Settings that are paths. The data may have moved; what it is made of is in the run record."""


def refuse_other_settings(found: Mapping[str, Any], wanted: Mapping[str, Any], path: Path) -> None:
    """Check that a checkpoint belongs to the run that is asked for; places of data are not compared.

    Raises:
        ModelError: naming the settings that differ.
    """
    differing = []
    for key, value in wanted.items():
        other = found.get(key)
        if isinstance(value, dict) and key in PLACES:
            value, other = list(value), list(other or ())  # the order too: it is that of the vectors
        elif key in PLACES:
            continue
        if _plain(value) != _plain(other):
            differing.append(f"{key} {_plain(other)!r} there, {_plain(value)!r} here")
    if differing:
        raise ModelError(
            f"{path} belongs to a run with other settings: {'; '.join(differing)}. Give the same settings to go on, "
            "or another --out, with --start for beginning from its weights"
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def optimizer_moments(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, dict[str, Tensor]]:
    """The optimiser's state by parameter name, on the CPU."""
    return {
        name: {key: value.detach().cpu().clone() for key, value in optimizer.state[parameter].items()}
        for name, parameter in model.named_parameters()
        if optimizer.state.get(parameter)
    }


def load_moments(
    optimizer: torch.optim.Optimizer, model: nn.Module, moments: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Put stored state back; parameters without any start afresh."""
    for name, parameter in model.named_parameters():
        if name in moments:
            # Step counts stay where Adam keeps them, on the CPU; moments follow their parameter.
            optimizer.state[parameter] = {
                key: value.clone() if value.dim() == 0 else value.to(parameter.device, copy=True)
                for key, value in moments[name].items()
            }
