"""Checkpoints of nst-rt's own training: everything that a run needs to continue as if it had never stopped."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from nst_rt.errors import InputError, ModelError, OutputError
from nst_rt.files.atomic import replacing
from torch import Tensor

FORMAT = 2


@dataclass
class TrainingCheckpoint:
    """A run's state. All tensors on the CPU."""

    recipe: str
    settings: dict[str, Any]
    step: int
    parameters: dict[str, Tensor]
    """By name. Not called "model", because `read_checkpoint` takes that for a finished network."""
    average: dict[str, Tensor]
    moments: dict[str, dict[str, Tensor]]
    """The optimiser's state by parameter name, and within it by its own names."""
    log: list[dict[str, float]] = field(default_factory=list)
    pending: dict[str, float] = field(default_factory=dict)
    """Sums of losses since the last row of the log."""
    seconds: float = 0.0
    """Wall-clock time so far, of all sessions."""
    sessions: list[dict[str, Any]] = field(default_factory=list)
    """When the run was started and continued, and on which hardware."""


def save_checkpoint(checkpoint: TrainingCheckpoint, path: Path) -> None:
    """Write a checkpoint whole or not at all: an interruption leaves the previous one.

    Raises:
        OutputError: it cannot be written.
    """
    save_tensors({"format": FORMAT, **vars(checkpoint)}, path)


def save_tensors(content: dict[str, Any], path: Path) -> None:
    """`torch.save`, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # how torch reports a full disk
            raise OutputError(f"{path}: cannot be written ({error}). Free some space or write elsewhere") from error


def load_tensors(path: Path) -> dict[str, Any]:
    """Read what `save_tensors` wrote; nothing in the file is executed.

    Raises:
        InputError: missing, damaged, or no such file.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file. Give a run's checkpoint.pt")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types here
        raise InputError(f"{path}: damaged, or not a file of nst-rt's training ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a file of nst-rt's training. Give a run's checkpoint.pt")
    return content


def load_checkpoint(path: Path) -> TrainingCheckpoint:
    """Read a checkpoint.

    Raises:
        InputError: missing or damaged.
        ModelError: another kind of file, or written by another version of nst-rt.
    """
    return checkpoint_of(load_tensors(path), path)


def checkpoint_of(content: dict[str, Any], path: Path) -> TrainingCheckpoint:
    """The checkpoint in what `load_tensors` read from `path`.

    Raises:
        ModelError: another kind of file, or written by another version of nst-rt.
    """
    state = dict(content)
    try:
        version = state.pop("format")
        if version == FORMAT:
            return TrainingCheckpoint(**state)
    except (KeyError, TypeError) as error:
        raise ModelError(
            f"{path}: not a training checkpoint ({type(error).__name__}: {error}). Give a run's checkpoint.pt"
        ) from error
    raise ModelError(f"{path}: written by another version of nst-rt (format {version}). Continue with that version")


def in_words(state: TrainingCheckpoint) -> str:
    """`12000 steps of 4 photographs at 192 px, 2.1 h on CPU (x86_64, 2 threads), bfloat16`: for a style's record.

    For a run that started from the weights of another run it begins with `last run: `.
    """
    settings = state.settings
    places = [place for place in dict.fromkeys(session["hardware"] for session in state.sessions) if place]
    spent = state.seconds
    duration = f"{spent / 3600:.1f} h" if spent >= 3600 else f"{spent / 60:.0f} min"
    where = f", {duration} on {' and '.join(places)}" if places else ""
    last = "last run: " if any("start" in session for session in state.sessions) else ""
    return f"{last}{state.step} steps of {settings['batch']} photographs at {settings['size']} px{where}"
