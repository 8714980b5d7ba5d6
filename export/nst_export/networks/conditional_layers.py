"""The layers of conditional networks."""

from torch import Tensor, nn
from torch.nn import functional


class UpsampleConv2d(nn.Module):
    """Nearest upsampling by 2, then a 3x3 convolution with reflection padding.

    Unlike a transposed convolution it leaves no checkerboard pattern (Odena et al. 2016, "Deconvolution and
    Checkerboard Artifacts").

    Shapes: (N, in_channels, H, W) -> (N, out_channels, 2H, 2W), H and W from 1 up.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode="reflect")

    def forward(self, features: Tensor) -> Tensor:
        upsampled = functional.interpolate(features, scale_factor=2.0, mode="nearest")
        convolved: Tensor = self.conv(upsampled)
        return convolved


class ConditionalInstanceNorm2d(nn.Module):
    """Instance normalisation whose scale and shift are inputs (Dumoulin et al. 2017, equation 5).

    Shapes: features (N, channels, H, W); scale and shift (N or 1, channels). Statistics are taken in float32.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels = channels
        self.eps = eps

    def normalised(self, features: Tensor) -> Tensor:
        """The features with mean 0 and deviation 1 in every channel, float32."""
        return functional.instance_norm(features.float(), eps=self.eps)

    def forward(self, features: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        modulated: Tensor = self.normalised(features) * scale[:, :, None, None] + shift[:, :, None, None]
        return modulated.to(features.dtype)
