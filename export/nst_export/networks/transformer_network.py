"""The transformer network of Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer": one style baked in.

Its layout is that of the widely used `fast_neural_style`, whose state dicts load unchanged: nearest upsampling and
convolution instead of transposed convolution, instance normalisation (Ulyanov et al. 2016), reflection padding.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

STRIDE = 4


def conv_layer(in_channels: int, out_channels: int, kernel: int, stride: int = 1, upsample: bool = False) -> nn.Module:
    """A convolution with reflection padding, called `conv2d`; with `upsample` after nearest upsampling by 2."""
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, padding_mode="reflect")
    layers: list[tuple[str, nn.Module]] = [("conv2d", conv)]
    if upsample:
        layers.insert(0, ("upsample", nn.Upsample(scale_factor=2, mode="nearest")))
    return nn.Sequential(OrderedDict(layers))


class ResidualBlock(nn.Module):
    """conv - norm - relu - conv - norm, added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv_layer(channels, channels, 3)
        self.in1 = nn.InstanceNorm2d(channels, affine=True)
        self.conv2 = conv_layer(channels, channels, 3)
        self.in2 = nn.InstanceNorm2d(channels, affine=True)
        self.relu = nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.relu(self.in1(self.conv1(features)))
        residual: Tensor = self.in2(self.conv2(hidden))
        return features + residual


class TransformerNetwork(nn.Sequential):
    """RGB photographs in [0, 255] to stylised RGB images, about [0, 255], not clamped.

    Args:
        widths: channels at full, half and quarter size.
        blocks: residual blocks.
        kernels: sides of the first and the last convolution.

    Shapes: (N, 3, H, W) with H and W from 16 up -> (N, 3, 4 * ceil(H / 4), 4 * ceil(W / 4)): where 4 does not divide a
    size, the result has additional pixels at the bottom and at the right.
    """

    def __init__(
        self, widths: Sequence[int] = (32, 64, 128), blocks: int = 5, kernels: tuple[int, int] = (9, 9)
    ) -> None:
        full, half, quarter = widths
        layers: list[tuple[str, nn.Module]] = []
        for index, layer in enumerate(
            (
                conv_layer(3, full, kernels[0]),
                conv_layer(full, half, 3, stride=2),
                conv_layer(half, quarter, 3, stride=2),
            ),
            start=1,
        ):
            layers += [
                (f"conv{index}", layer),
                (f"in{index}", nn.InstanceNorm2d((full, half, quarter)[index - 1], affine=True)),
            ]
            layers += [(f"relu{index}", nn.ReLU())]
        layers += [(f"res{index}", ResidualBlock(quarter)) for index in range(1, blocks + 1)]
        layers += [("deconv1", conv_layer(quarter, half, 3, upsample=True))]
        layers += [("in4", nn.InstanceNorm2d(half, affine=True)), ("relu4", nn.ReLU())]
        layers += [("deconv2", conv_layer(half, full, 3, upsample=True))]
        layers += [("in5", nn.InstanceNorm2d(full, affine=True)), ("relu5", nn.ReLU())]
        layers += [("deconv3", conv_layer(full, 3, kernels[1]))]
        super().__init__(OrderedDict(layers))

    def stylise(self, photographs: Tensor) -> Tensor:
        """The stylised images (N, 3, H, W) at the size of the photographs, without gradients."""
        height, width = photographs.shape[2:]
        with torch.no_grad():
            stylised: Tensor = self(photographs)
        return stylised[:, :, :height, :width]
