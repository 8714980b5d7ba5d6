"""The encoder and decoder of Sanakoyeu et al. 2018, "A Style-Aware Content Loss for Real-time HD Style Transfer".

One network for each artist, trained against a discriminator. Some details are not in the paper but in its public code
(CompVis/adaptive-style-transfer): the photograph is normalised first, 15 pixels are reflected around it, the encoder's
convolutions do not pad, those of the decoder pad zeros, and the last layer is a sigmoid.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from nst_export.networks.transformer_network import ResidualBlock

STRIDE = 16
LEAST_SIDE = 32
"""At 1/16 of the size the residual blocks need two positions to reflect one."""
BORDER = 15
"""Pixels that are reflected around the image, so that four unpadded halvings give 1/16 of its size."""
EPSILON = 1e-5 / 4
"""Of the first normalisation. The public code reads [-1, 1], where variances are four times those in [0, 1]."""


class LeastSize(nn.Module):
    """Repeats the last row and column until height and width are at least `side`.

    Shapes: (N, C, H, W) -> (N, C, max(H, side), max(W, side)).
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        missing = (0, max(self.side - width, 0), 0, max(self.side - height, 0))
        return functional.pad(images, missing, mode="replicate")


class ScaledSigmoid(nn.Module):
    """A sigmoid times `white`: any number to a colour in [0, white]."""

    def __init__(self, white: float = 1.0) -> None:
        super().__init__()
        self.white = white

    def forward(self, values: Tensor) -> Tensor:
        return self.white * torch.sigmoid(values)


class AdaptiveNetwork(nn.Sequential):
    """RGB photographs in [0, 1] to stylised RGB images in [0, 1].

    The same function as that of the public code, which reads and writes [-1, 1].

    Args:
        down: channels of the encoder's five convolutions: the first at full size, the others halve.
        up: channels of the decoder's four convolutions, each after an upsampling by 2.
        blocks: residual blocks between them.

    Shapes: (N, 3, H, W), H and W multiples of 16 -> the same; a side of 16 becomes 32, with the additional pixels at
    the bottom or at the right.
    """

    def __init__(
        self,
        down: Sequence[int] = (32, 32, 64, 128, 256),
        up: Sequence[int] = (256, 128, 64, 32),
        blocks: int = 9,
    ) -> None:
        layers: list[tuple[str, nn.Module]] = [
            ("least_size", LeastSize(LEAST_SIDE)),
            ("norm0", nn.InstanceNorm2d(3, eps=EPSILON, affine=True)),
            ("conv1", nn.Conv2d(3, down[0], 3, padding=BORDER, padding_mode="reflect", bias=False)),
        ]
        layers += _normalised(1, down[0])
        for index, (wide, narrow) in enumerate(pairwise(down), start=2):
            layers += [(f"conv{index}", nn.Conv2d(wide, narrow, 3, stride=2, bias=False)), *_normalised(index, narrow)]
        layers += [(f"res{index}", ResidualBlock(down[-1])) for index in range(1, blocks + 1)]
        first = len(down) + 1
        for index, (wide, narrow) in enumerate(pairwise((down[-1], *up)), start=first):
            layers += [
                (f"upsample{index}", nn.Upsample(scale_factor=2, mode="nearest")),
                (f"conv{index}", nn.Conv2d(wide, narrow, 3, padding=1, bias=False)),
                *_normalised(index, narrow),
            ]
        layers += [("last", nn.Conv2d(up[-1], 3, 7, padding=3, padding_mode="reflect", bias=False))]
        super().__init__(OrderedDict([*layers, ("sigmoid", ScaledSigmoid())]))


def _normalised(index: int, channels: int) -> list[tuple[str, nn.Module]]:
    return [(f"norm{index}", nn.InstanceNorm2d(channels, affine=True)), (f"relu{index}", nn.ReLU())]
