"""The file of a trained conditional network: plain values and tensors, written by `torch.save`.

| key | what |
|---|---|
| `format` | `nst-rt conditional 1` |
| `widths` | arguments of `ConditionalTransformer` |
| `network` | its state dict |
| `styles` | style vectors float32 (S,) by name |
| `records` | title, artist, year, license of the painting behind a vector, by name |
| `encoder` | state dict of the `StyleEncoder`; empty without one |
| `encoder_configuration` | arguments of `StyleEncoder.from_configuration`; empty without one |
| `training` | how it was trained, in words |
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nst_rt.errors import ModelError
from torch import Tensor

from nst_export.checkpoints.checkpoint_file import empty_tensor
from nst_export.checkpoints.training_checkpoint import (
    TrainingCheckpoint,
    checkpoint_of,
    in_words,
    load_tensors,
    save_tensors,
)
from nst_export.networks.conditional_network import ConditionalTransformer
from nst_export.networks.noise import take_tiles
from nst_export.networks.style_encoder_network import StyleEncoder

FORMAT = "nst-rt conditional 1"

PAINTING_KEYS = ("title", "artist", "year", "license")
"""What a record says about the painting behind a style."""


@dataclass
class ConditionalWeights:
    """A trained conditional network and what belongs to it: frozen modules in evaluation mode, on the CPU."""

    network: ConditionalTransformer
    styles: dict[str, Tensor]
    """Vectors float32 (S,)."""
    records: dict[str, dict[str, str]] = field(default_factory=dict)
    encoder: StyleEncoder | None = None
    training: str = ""


def write_conditional(weights: ConditionalWeights, path: Path) -> None:
    """Write the file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    encoder = weights.encoder
    content = {
        "format": FORMAT,
        "widths": dict(weights.network.widths),
        "network": _on_cpu(weights.network.state_dict()),
        "styles": {name: vector.detach().cpu().clone() for name, vector in weights.styles.items()},
        "records": weights.records,
        "encoder": _on_cpu(encoder.state_dict()) if encoder else {},
        "encoder_configuration": encoder.configuration() if encoder else {},
        "training": weights.training,
    }
    save_tensors(content, path)


def read_conditional(path: Path) -> ConditionalWeights:
    """Read such a file, or the averaged weights of a run's checkpoint.

    Raises:
        InputError: missing or damaged.
        ModelError: another kind of file.
    """
    return conditional_of(load_tensors(path), path)


def is_weights_file(content: dict[str, Any]) -> bool:
    """Whether the content that `load_tensors` read is such a file; if not, it may be a run's checkpoint."""
    return content.get("format") == FORMAT


def conditional_of(content: dict[str, Any], path: Path) -> ConditionalWeights:
    """The network in the content that `load_tensors` read from `path`.

    Raises:
        ModelError: another kind of file.
    """
    try:
        if not is_weights_file(content):
            return from_checkpoint(checkpoint_of(content, path))
        network = _network(content["widths"], content["network"])
        encoder = _encoder(content["encoder"]) if content["encoder"] else None
        return _frozen(ConditionalWeights(network, content["styles"], content["records"], encoder, content["training"]))
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"{path}: not a conditional network ({reason}). Give conditional.pt or checkpoint.pt of a training run"
        ) from error


def from_checkpoint(state: TrainingCheckpoint) -> ConditionalWeights:
    """The averaged weights of a run.

    Raises:
        KeyError, RuntimeError: not the checkpoint of a conditional network.
    """
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "encoder": {}}
    for name, value in state.average.items():
        part, _, rest = name.partition(".")
        if rest:
            parts[part][rest] = value
    network = _network(state.settings["widths"], parts["network"])
    styles = dict(zip(state.settings["styles"], state.average["styles"], strict=True))
    encoder = _encoder(parts["encoder"]) if parts["encoder"] else None
    return _frozen(ConditionalWeights(network, styles, {}, encoder, in_words(state)))


def _network(widths: dict[str, int], state: dict[str, Tensor]) -> ConditionalTransformer:
    _refuse_empty(state)
    network = ConditionalTransformer(**widths)
    take_tiles(network, state)
    network.load_state_dict(state)
    return network


def _refuse_empty(state: dict[str, Tensor]) -> None:
    if empty := empty_tensor(state):
        raise RuntimeError(f"{empty} has no elements")


def _encoder(state: dict[str, Tensor]) -> StyleEncoder:
    """An encoder whose widths are those of its state dict."""
    _refuse_empty(state)
    count = len({name.split(".")[1] for name in state if name.startswith("stages.")})
    widths = [state[f"stages.{index}.enter.weight"].shape[0] for index in range(count)]
    encoder = StyleEncoder.from_configuration(widths, state["hidden.weight"].shape[0], state["base"].shape[0])
    encoder.load_state_dict(state)
    return encoder


def _frozen(weights: ConditionalWeights) -> ConditionalWeights:
    weights.network.eval().requires_grad_(False)
    if weights.encoder:
        weights.encoder.eval().requires_grad_(False)
    return weights


def _on_cpu(state: dict[str, Any]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}
