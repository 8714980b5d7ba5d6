"""Folds colour order and value range into a network's weights, so that they cost the graph nothing.

The functions change torch modules in place or return new ones; the caller passes a copy. Reflection padding copies
pixels, so it commutes with everything that is done to each pixel alone, offsets too: a 1x1 convolution can be folded
through it.
"""

import torch
from torch import nn


def accept_bgr_bytes(conv: nn.Conv2d, white: float) -> None:
    """Make the network's first convolution read BGR in [0, 255] instead of RGB in [0, white]."""
    with torch.no_grad():
        conv.weight.copy_(conv.weight.flip(1) * (white / 255))


def produce_bgr_bytes(conv: nn.Conv2d, white: float) -> None:
    """Make the network's last convolution write BGR in [0, 255] instead of RGB in [0, white]."""
    with torch.no_grad():
        conv.weight.copy_(conv.weight.flip(0) * (255 / white))
        if conv.bias is not None:
            conv.bias.copy_(conv.bias.flip(0) * (255 / white))


def accept_rgb(conv: nn.Conv2d, white: float) -> None:
    """Undo `accept_bgr_bytes`."""
    # The flip is its own inverse, and this white gives the reciprocal factor.
    accept_bgr_bytes(conv, 255 * 255 / white)


def produce_rgb(conv: nn.Conv2d, white: float) -> None:
    """Undo `produce_bgr_bytes`."""
    produce_bgr_bytes(conv, 255 * 255 / white)  # see accept_rgb


def merge_pointwise(layers: nn.Sequential) -> nn.Sequential:
    """Fold a leading 1x1 convolution into the convolution behind it; returns the layers, one fewer where that works."""
    if len(layers) < 2:
        return layers
    first, second = layers[0], layers[1]
    if not (isinstance(first, nn.Conv2d) and isinstance(second, nn.Conv2d) and first.kernel_size == (1, 1)):
        return layers
    if second.padding_mode == "zeros" and second.padding != (0, 0):
        return layers  # the zeros come behind the first one's offset: folding would change the borders
    merged = nn.Conv2d(
        first.in_channels,
        second.out_channels,
        (second.kernel_size[0], second.kernel_size[1]),
        padding=(int(second.padding[0]), int(second.padding[1])),
        padding_mode=second.padding_mode,
    )
    with torch.no_grad():
        kernel = second.weight.double()
        merged.weight.copy_(torch.einsum("omyx,mi->oiyx", kernel, first.weight.double()[:, :, 0, 0]))
        bias = torch.zeros(second.out_channels, dtype=torch.float64) if second.bias is None else second.bias.double()
        if first.bias is not None:
            bias = bias + torch.einsum("omyx,m->o", kernel, first.bias.double())
        assert merged.bias is not None
        merged.bias.copy_(bias)
    return nn.Sequential(merged, *list(layers)[2:])
