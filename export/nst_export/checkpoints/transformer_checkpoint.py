"""Transformer network checkpoints: the `fast_neural_style` state dict, at any width and depth."""

import re

from nst_rt.errors import ModelError

from nst_export.checkpoints.checkpoint_file import Checkpoint, describe_keys, empty_tensor
from nst_export.networks.transformer_network import TransformerNetwork

LAYOUT = "conv1.conv2d.weight ... in1.weight ... res1.conv1.conv2d.weight ... deconv3.conv2d.bias (fast_neural_style)"

_DROPPED = re.compile(r"\.(running_mean|running_var|num_batches_tracked)$")


def load_transformer(checkpoint: Checkpoint) -> TransformerNetwork:
    """The network of a checkpoint. The tensors' shapes tell widths, number of blocks and kernel sizes.

    Files of old PyTorch versions have `running_mean` and `running_var`, which instance normalisation never used.

    Returns:
        Frozen, in evaluation mode; reads and writes RGB in [0, 255].

    Raises:
        ModelError: another layout; the message lists what was found.
    """
    tensors = {key: tensor for key, tensor in checkpoint.tensors.items() if not _DROPPED.search(key)}

    def unknown(what: str) -> ModelError:
        return ModelError(
            f"{checkpoint.path}: not a transformer network that nst-rt knows: {what}. "
            f"Found: {describe_keys(tensors)}. Known: {LAYOUT}"
        )

    try:
        shapes = [tensors[f"conv{index}.conv2d.weight"].shape for index in (1, 2, 3)]
        last = tensors["deconv3.conv2d.weight"].shape
    except KeyError as error:
        raise unknown(f"no key {error}") from None
    if any(len(shape) != 4 for shape in (*shapes, last)):
        raise unknown("its convolutions do not have four dimensions")
    if empty := empty_tensor(tensors):
        raise unknown(f"{empty} has no elements")
    blocks = 0
    while f"res{blocks + 1}.conv1.conv2d.weight" in tensors:
        blocks += 1
    network = TransformerNetwork(tuple(shape[0] for shape in shapes), blocks, (shapes[0][2], last[2]))
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]]
        raise unknown(" ".join(lines)[:300].rstrip(". ")) from error
    return network.eval().requires_grad_(False)
