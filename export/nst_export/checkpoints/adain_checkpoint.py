"""AdaIN checkpoints: an encoder file and a decoder file, in the layouts of the common implementations.

The encoder is the 3x3 convolutions of VGG-19 up to reluN_1, the decoder mirrors them. Their number tells N, and with it
where the network pools and upsamples.
"""

import re
from dataclasses import dataclass

from nst_rt.errors import ModelError
from torch import Tensor

from nst_export.checkpoints.checkpoint_file import Checkpoint, describe_keys, empty_tensor
from nst_export.networks.adain_network import LEVELS, AdaIn, Weights, build_decoder, build_encoder

LAYOUTS = (
    "`0.weight`, `2.weight`, `5.weight` ... (vgg_normalised.pth) with `1.weight`, `5.weight` ... (decoder.pth); "
    "`conv1` ... `conv6` with `conv7` ... `conv11`; "
    "`conv0`, `conv11`, `conv12`, `conv21` ... with `conv41`, `conv34` ... `conv11`; each with .weight and .bias"
)

_COUNTS = {len(names): level for level, names in LEVELS.items()}


@dataclass(frozen=True)
class _Chain:
    """The convolutions of one file, in network order."""

    pointwise: Weights | None
    convs: list[Weights]


def load_adain(encoder: Checkpoint, decoder: Checkpoint) -> AdaIn:
    """The network of an encoder file and a decoder file. A deeper encoder is cut to the decoder's depth.

    Returns:
        Frozen, in evaluation mode; reads and writes RGB in [0, 1].

    Raises:
        ModelError: an unknown layout, or two files that do not belong together.
    """
    front, back = _chain(encoder, "encoder"), _chain(decoder, "decoder")
    count = len(back.convs)
    if back.pointwise is not None or back.convs[-1][0].shape[0] != 3:
        raise _unknown(decoder, "decoder", "its last convolution does not make an image of 3 channels")
    if count not in _COUNTS:
        raise _unknown(
            decoder,
            "decoder",
            f"{count} convolutions, where a decoder from reluN_1 has {sorted(_COUNTS)} for N = 1 to 4",
        )
    if len(front.convs) < count:
        raise ModelError(
            f"{encoder.path} and {decoder.path} do not fit: the encoder has {len(front.convs)} 3x3 convolutions, the "
            f"decoder mirrors {count} (relu{_COUNTS[count]}_1). Give the pair that was trained together"
        )
    convs = front.convs[:count]
    made, wanted = convs[-1][0].shape[0], back.convs[0][0].shape[1]
    if made != wanted:
        raise ModelError(
            f"{encoder.path} and {decoder.path} do not fit: the encoder makes {made} channels at "
            f"relu{_COUNTS[count]}_1, the decoder takes {wanted}. Give the pair that was trained together"
        )
    network = AdaIn(build_encoder(front.pointwise, convs), build_decoder(back.convs))
    return network.eval().requires_grad_(False)


def _chain(checkpoint: Checkpoint, role: str) -> _Chain:
    if empty := empty_tensor(checkpoint.tensors):
        raise _unknown(checkpoint, role, f"{empty} has no elements")
    numbered: dict[int, dict[str, Tensor]] = {}
    for key, tensor in checkpoint.tensors.items():
        match = re.fullmatch(r"(?:conv)?(\d+)\.(weight|bias)", key)
        if match:
            numbered.setdefault(int(match[1]), {})[match[2]] = tensor
        elif not re.fullmatch(
            r"conv\d+_aux\.(weight|bias)", key
        ):  # of the distillation; style transfer does not use it
            raise _unknown(checkpoint, role, f"a key {key!r}")
    if any(set(entry) != {"weight", "bias"} or entry["weight"].dim() != 4 for entry in numbered.values()):
        raise _unknown(checkpoint, role, "a convolution without weight or bias")
    order = sorted(numbered)
    names = {int(name) for level in LEVELS.values() for name in level} | {42, 43, 44, 51, 52, 53, 54}
    if "conv11.weight" in checkpoint.tensors and set(order) - {0} <= names and role == "decoder":
        order = order[::-1]  # the names are those of the encoder's layers: the decoder counts down
    weights: list[Weights] = [(numbered[number]["weight"], numbered[number]["bias"]) for number in order]
    pointwise = weights.pop(0) if weights and weights[0][0].shape[2:] == (1, 1) else None
    previous = 3 if role == "encoder" else None
    for kernel, bias in weights if pointwise is None else [pointwise, *weights]:
        fits = previous in (None, kernel.shape[1]) and bias.shape == kernel.shape[:1]
        if not fits or kernel.shape[2:] not in ((3, 3), (1, 1)):
            raise _unknown(checkpoint, role, f"a convolution of shape {tuple(kernel.shape)} after {previous} channels")
        previous = kernel.shape[0]
    if not weights:
        raise _unknown(checkpoint, role, "no convolutions")
    return _Chain(pointwise, weights)


def _unknown(checkpoint: Checkpoint, role: str, what: str) -> ModelError:
    return ModelError(
        f"{checkpoint.path}: not an AdaIN {role} that nst-rt knows: {what}. "
        f"Found: {describe_keys(checkpoint.tensors)}. Known: {LAYOUTS}"
    )
