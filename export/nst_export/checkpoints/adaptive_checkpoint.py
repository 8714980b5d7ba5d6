"""Adaptive style transfer checkpoints: the variables of the paper's public code, as TensorFlow 1 saves them.

The names follow the scopes of that code: a convolution of slim is `SCOPE/Conv/weights`, (height, width, in, out),
without a bias; a normalisation is `SCOPE/scale` and `SCOPE/offset`. The discriminator and the state of Adam, which a
training's checkpoint also has, are left out. Tested with checkpoints that the tests write in this layout, because the
published ones were not available.
"""

import re
from pathlib import Path

import torch
from nst_rt.errors import ModelError
from torch import Tensor

from nst_export.checkpoints.checkpoint_file import Checkpoint, describe_keys, empty_tensor, read_checkpoint
from nst_export.checkpoints.tensorflow_checkpoint import read_bundle
from nst_export.networks.adaptive_network import AdaptiveNetwork

LAYOUT = (
    "encoder/g_e0_bn/scale, encoder/g_e0_bn/offset, encoder/g_e1_c/Conv/weights ... encoder/g_e5_bn/offset, "
    "decoder/g_r1_c1/Conv/weights, decoder/g_r1_bn1/scale ... decoder/g_d1_dc/conv2d/Conv/weights ... "
    "decoder/g_d4_bn/offset, decoder/g_pred_c/Conv/weights (CompVis/adaptive-style-transfer)"
)
HALVINGS = 4
ARCHIVES = (".npz", ".safetensors", ".pt", ".pth")

_BLOCK = re.compile(r"decoder/g_r(\d+)_")
_WEIGHT = re.compile(r"(encoder|decoder)/(?!.*/Adam(_\d+)?$)")


def read_adaptive(path: Path) -> Checkpoint:
    """The variables of encoder and decoder, from a TensorFlow checkpoint or an archive with the same names.

    Names in an archive may end with `:0`, TensorFlow's name for a variable's value.

    Raises:
        InputError, DependencyError, ModelError: see `read_bundle` and `read_checkpoint`.
    """
    if path.suffix not in ARCHIVES or path.is_dir():
        try:
            return read_bundle(path, is_weight)
        except ModelError as error:
            raise ModelError(f"{error}. Known: {LAYOUT}") from error
    source = read_checkpoint(path)
    named = {key.removesuffix(":0"): tensor for key, tensor in source.tensors.items()}
    tensors = {key: tensor for key, tensor in named.items() if is_weight(key)}
    if not tensors:
        raise ModelError(
            f"{path}: not an adaptive style transfer network: no variable of encoder/ or decoder/. "
            f"Found: {describe_keys(named)}. Known: {LAYOUT}"
        )
    return Checkpoint(source.path, tensors, source.sha256)


def is_weight(name: str) -> bool:
    """Whether a variable is a weight of the encoder or the decoder, and not a state of their optimiser."""
    return _WEIGHT.match(name) is not None


def variables(blocks: int) -> dict[str, str]:
    """The parameter of `AdaptiveNetwork` for every variable, by the variable's name, in network order.

    Args:
        blocks: the number of residual blocks.
    """
    convs = {f"encoder/g_e{index}_c": f"conv{index}" for index in range(1, HALVINGS + 2)}
    norms = {f"encoder/g_e{index}_bn": f"norm{index}" for index in range(HALVINGS + 2)}
    for block in range(1, blocks + 1):
        convs |= {f"decoder/g_r{block}_c{half}": f"res{block}.conv{half}.conv2d" for half in (1, 2)}
        norms |= {f"decoder/g_r{block}_bn{half}": f"res{block}.in{half}" for half in (1, 2)}
    for step in range(1, HALVINGS + 1):
        convs[f"decoder/g_d{step}_dc/conv2d"] = f"conv{HALVINGS + 1 + step}"
        norms[f"decoder/g_d{step}_bn"] = f"norm{HALVINGS + 1 + step}"
    convs["decoder/g_pred_c"] = "last"
    names = {f"{scope}/Conv/weights": f"{layer}.weight" for scope, layer in convs.items()}
    for scope, layer in norms.items():
        names |= {f"{scope}/scale": f"{layer}.weight", f"{scope}/offset": f"{layer}.bias"}
    return names


def load_adaptive(checkpoint: Checkpoint) -> AdaptiveNetwork:
    """The network of a checkpoint. Names and shapes tell its widths and the number of residual blocks.

    Returns:
        Frozen, in evaluation mode; reads and writes RGB in [0, 1].

    Raises:
        ModelError: names are missing or unknown, or shapes do not fit together; the message lists them.
    """
    tensors = checkpoint.tensors

    def unknown(what: str) -> ModelError:
        return ModelError(f"{checkpoint.path}: not an adaptive style transfer network that nst-rt knows: {what}")

    blocks = len({match[1] for match in map(_BLOCK.match, tensors) if match})
    names = variables(blocks)
    missing = [name for name in names if name not in tensors]
    extra = [name for name in tensors if name not in names]
    if missing or extra or not blocks:
        found = [f"without {_some(missing)}"] * bool(missing) + [f"with the unknown {_some(extra)}"] * bool(extra)
        what = " and ".join(found) or "without residual blocks"
        raise unknown(f"{what}. Found: {describe_keys(tensors)}. Known: {LAYOUT}")
    if empty := empty_tensor(tensors):
        raise unknown(f"{empty} has no elements")
    weights = {layer: _as_torch(tensors[name]) for name, layer in names.items()}
    ranks = [name for name, layer in names.items() if weights[layer].ndim != (4 if name.endswith("weights") else 1)]
    if ranks:
        raise unknown(
            f"{ranks[0]} is {_shape(tensors[ranks[0]])}; convolutions have four dimensions and normalisations one"
        )
    down = [weights[f"conv{index}.weight"].shape[0] for index in range(1, HALVINGS + 2)]
    up = [weights[f"conv{index}.weight"].shape[0] for index in range(HALVINGS + 2, 2 * HALVINGS + 2)]
    network = AdaptiveNetwork(down, up, blocks)
    parameters = network.state_dict()
    wrong = [
        f"{name} is {_shape(tensors[name])} where {_shape(_as_tensorflow(parameters[layer]))} follows"
        for name, layer in names.items()
        if weights[layer].shape != parameters[layer].shape
    ]
    if wrong:
        raise unknown(f"its shapes do not fit together: {_some(wrong, '; ')}")
    # The residual blocks' convolutions have biases in torch; their normalisations remove any bias.
    zeros = {layer: torch.zeros_like(value) for layer, value in parameters.items() if layer not in weights}
    network.load_state_dict({**zeros, **weights})
    return network.eval().requires_grad_(False)


def _as_torch(tensor: Tensor) -> Tensor:
    return tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor


def _as_tensorflow(tensor: Tensor) -> Tensor:
    return tensor.permute(2, 3, 1, 0) if tensor.ndim == 4 else tensor


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"


def _some(entries: list[str], separator: str = ", ") -> str:
    more = f" and {len(entries) - 4} more" if len(entries) > 4 else ""
    return separator.join(entries[:4]) + more
