"""A fixed encoder from its file, and a fresh decoder that mirrors it."""

import re
from pathlib import Path

import torch
from nst_export.checkpoints.adain_checkpoint import load_adain
from nst_export.checkpoints.checkpoint_file import Checkpoint, describe_keys, read_checkpoint
from nst_export.networks.adain_network import LEVELS, AdaIn
from nst_rt.errors import ModelError
from torch import Tensor, nn

CUTS = {"relu3_1": 3, "relu4_1": 4}


def new_adain(encoder: Path, cut: str, seed: int) -> tuple[AdaIn, str]:
    """AdaIN with the file's encoder, frozen, and a decoder with random weights; and where the encoder was cut.

    Args:
        encoder: any layout that `nst-rt export adain` reads.
        cut: `relu3_1` or `relu4_1`; empty for the deepest of them that the file reaches.

    Raises:
        InputError: the file is missing or damaged.
        ModelError: no encoder, or one that ends before `cut`.
    """
    if cut and cut not in CUTS:
        raise ModelError(f"cut {cut!r}: give relu3_1 or relu4_1")
    checkpoint = read_checkpoint(encoder)
    shapes = _convolutions(checkpoint)
    reached = [name for name, level in CUTS.items() if len(LEVELS[level]) <= len(shapes)]
    if not reached or (cut and cut not in reached):
        raise ModelError(
            f"{encoder}: {len(shapes)} 3x3 convolutions do not reach {cut or 'relu3_1'}; relu3_1 needs "
            f"{len(LEVELS[3])}, relu4_1 {len(LEVELS[4])}. Give a deeper encoder, or another --cut. "
            f"Found: {describe_keys(checkpoint.tensors)}"
        )
    cut = cut or reached[-1]
    names = LEVELS[CUTS[cut]]
    decoder: dict[str, Tensor] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for key, (outputs, inputs) in zip(decoder_keys(names), reversed(shapes[: len(names)]), strict=True):
            kernel = torch.empty(inputs, outputs, 3, 3)  # the mirror image: what came out goes in
            nn.init.kaiming_normal_(kernel, nonlinearity="relu")  # torch's own would fade over nine layers
            if inputs == 3:
                kernel *= 0.1  # features of a normalised VGG are about ten times as large as an image's contrasts
            decoder[f"{key}.weight"] = kernel
            decoder[f"{key}.bias"] = torch.full((inputs,), 0.5 if inputs == 3 else 0.0)  # begin in mid-grey
    network = load_adain(checkpoint, Checkpoint(Path("a new decoder"), decoder, ""))
    network.decoder.requires_grad_(True)
    return network, cut


def _convolutions(checkpoint: Checkpoint) -> list[tuple[int, int]]:
    """Output and input channels of the 3x3 convolutions, in network order."""
    found = {}
    for key, tensor in checkpoint.tensors.items():
        match = re.fullmatch(r"(?:conv)?(\d+)\.weight", key)
        if match and tensor.dim() == 4 and tensor.shape[2:] == (3, 3):
            found[int(match[1])] = (tensor.shape[0], tensor.shape[1])
    return [found[number] for number in sorted(found)]


def decoder_keys(names: tuple[str, ...]) -> list[int]:
    """Numbers of the convolutions in the usual `decoder.pth`: padding, convolution, ReLU, and upsampling as modules."""
    keys, position = [], 0
    for name in reversed(names):
        keys.append(position + 1)
        position += 3 + (name.endswith("1") and name != "11")
    return keys


def decoder_state(network: AdaIn) -> dict[str, Tensor]:
    """The decoder as a `decoder.pth` state dict, on the CPU."""
    convs = [layer for layer in network.decoder if isinstance(layer, nn.Conv2d)]
    names = next(names for names in LEVELS.values() if len(names) == len(convs))
    state: dict[str, Tensor] = {}
    for key, conv in zip(decoder_keys(names), convs, strict=True):
        assert conv.bias is not None
        state[f"{key}.weight"] = conv.weight.detach().cpu().clone().contiguous()
        state[f"{key}.bias"] = conv.bias.detach().cpu().clone()
    return state


def encode(encoder: nn.Sequential, images: Tensor) -> dict[str, Tensor]:
    """Features of RGB images (N, 3, H, W) in [0, 1] at relu1_1, relu2_1 ... as far as the encoder goes."""
    found: dict[str, Tensor] = {}
    level, entered = 1, True
    features = images
    for layer in encoder:
        features = layer(features)
        if isinstance(layer, nn.MaxPool2d):
            level, entered = level + 1, True
        elif isinstance(layer, nn.ReLU) and entered:
            found[f"relu{level}_1"], entered = features, False
    return found
