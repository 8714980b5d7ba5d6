"""Adaptive instance normalisation: any style, as the channel statistics of a style image's features.

Huang & Belongie 2017, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization": a VGG-19 encoder
cut at relu3_1 or relu4_1, the AdaIN layer, and a decoder that mirrors the encoder. Reflection padding throughout.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5

LEVELS = {1: ("11",), 2: ("11", "12", "21"), 3: ("11", "12", "21", "22", "31")}
"""Names of the 3x3 convolutions of VGG-19 up to reluN_1, for every N."""
LEVELS[4] = (*LEVELS[3], "32", "33", "34", "41")

Weights = tuple[Tensor, Tensor]
"""Kernel (out, in, k, k) and bias (out)."""


def _conv(weights: Weights) -> nn.Conv2d:
    kernel, bias = weights
    side = kernel.shape[2]
    conv = nn.Conv2d(kernel.shape[1], kernel.shape[0], side, padding=side // 2, padding_mode="reflect")
    with torch.no_grad():
        conv.weight.copy_(kernel)
        conv.bias.copy_(bias)  # type: ignore[union-attr]  # Conv2d.bias is Tensor | None
    return conv


def build_encoder(preprocessing: Weights | None, convs: Sequence[Weights]) -> nn.Sequential:
    """An encoder up to reluN_1.

    Args:
        preprocessing: a 1x1 convolution in front, if there is one.
        convs: the 3x3 convolutions in network order; their number decides N.
    """
    names = _names(len(convs))
    layers: list[nn.Module] = [] if preprocessing is None else [_conv(preprocessing)]
    for name, previous, weights in zip(names, ("", *names), convs, strict=False):
        if previous and previous[0] != name[0]:
            layers.append(nn.MaxPool2d(2, 2))
        layers += [_conv(weights), nn.ReLU()]
    return nn.Sequential(*layers)


def build_decoder(convs: Sequence[Weights]) -> nn.Sequential:
    """The decoder that mirrors an encoder, with nearest upsampling where the encoder pools."""
    layers: list[nn.Module] = []
    for name, weights in zip(reversed(_names(len(convs))), convs, strict=True):
        layers += [_conv(weights), nn.ReLU()]
        if name[1] == "1" and name != "11":
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
    return nn.Sequential(*layers[:-1])


def _names(count: int) -> tuple[str, ...]:
    return next(names for names in LEVELS.values() if len(names) == count)


class AdaIn(nn.Module):
    """Encoder, AdaIN layer and decoder.

    Args:
        encoder, decoder: made by `build_encoder` and `build_decoder`; they read and write RGB in [0, 1].

    Attributes:
        stride: the encoder halves the size until this is one position; heights and widths must be multiples of it.
        channels: C of the encoder's features; a style vector has 2 C values, the means and then the deviations.
        divisor: the features between encoder and decoder are divided by this. It differs from 1 only in copies that
            were rescaled for fp16. Style vectors are not divided.
    """

    def __init__(self, encoder: nn.Sequential, decoder: nn.Sequential) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.stride = 2 ** sum(isinstance(layer, nn.MaxPool2d) for layer in encoder)
        first = decoder[0]
        assert isinstance(first, nn.Conv2d)
        self.channels = first.in_channels
        self.divisor = 1.0

    def style_vectors(self, images: Tensor) -> Tensor:
        """RGB style images (N, 3, H, W) in [0, 1] -> style vectors (N, 2 C); needs a divisor of 1."""
        features = self.encoder(images)
        variance, mean = torch.var_mean(features, dim=(2, 3), correction=0)
        return torch.cat([mean, (variance + EPSILON).sqrt()], dim=1)

    def blended(self, photographs: Tensor, style: Tensor, strength: float = 1.0) -> Tensor:
        """What the decoder reads: the photographs' features (N, C, H / stride, W / stride) with the style's statistics.

        Args:
            photographs: RGB (N, 3, H, W) in [0, 1].
            style: (N or 1, 2 C).
            strength: 0 keeps the photographs' features, 1 takes the style's statistics.
        """
        features: Tensor = self.encoder(photographs)
        mean, deviation = torch.split(style[:, :, None, None], self.channels, dim=1)
        normalised = functional.instance_norm(features, eps=EPSILON / self.divisor**2)
        styled = (normalised * deviation + mean) / self.divisor
        blended: Tensor = features + strength * (styled - features)
        return blended

    def forward(self, photographs: Tensor, style: Tensor, strength: float = 1.0) -> Tensor:
        """RGB photographs (N, 3, H, W) in [0, 1], style (N or 1, 2 C) -> images about [0, 1], not clamped."""
        stylised: Tensor = self.decoder(self.blended(photographs, style, strength))
        return stylised
