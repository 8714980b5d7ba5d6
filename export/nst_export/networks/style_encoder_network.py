"""The style encoder: any painting to a style vector of a conditional network.

Ghiasi et al. 2017, "Exploring the Structure of a Real-time, Arbitrary Neural Artistic Stylization Network", predict the
vector from a classifier's features. Here a small network of its own computes channel means and deviations at every
depth, which AdaIN uses as the style (Huang & Belongie 2017) and which make up the diagonal of a Gram matrix.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

EPSILON = 1e-5
LEAST_SIDE = 64
"""Smallest height and width of a painting, in pixels."""


def means_and_deviations(features: Tensor) -> Tensor:
    """Channel means, then deviations, of feature maps (N, C, H, W): float32 (N, 2 C)."""
    variance, mean = torch.var_mean(features.float(), dim=(2, 3), correction=0)
    return torch.cat([mean, (variance + EPSILON).sqrt()], dim=1)


class StyleEncoderStage(nn.Module):
    """relu(conv) with stride 1 or 2, to which relu(a second convolution of it) is added.

    Shapes: (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, padding_mode="reflect")
        self.refine = nn.Conv2d(out_channels, out_channels, 3, padding=1, padding_mode="reflect")
        self.relu = nn.ReLU()
        nn.init.kaiming_normal_(self.enter.weight, nonlinearity="relu")
        nn.init.kaiming_normal_(self.refine.weight, nonlinearity="relu")
        with torch.no_grad():
            # Half the variance from each branch, so that features neither grow nor vanish from stage to stage.
            self.enter.weight.mul_(0.5**0.5)
            self.refine.weight.mul_(0.5**0.5)

    def forward(self, features: Tensor) -> Tensor:
        entered = self.relu(self.enter(features))
        refined: Tensor = entered + self.relu(self.refine(entered))
        return refined


class StyleEncoder(nn.Module):
    """RGB paintings in [0, 1] to style vectors.

    No layer normalises, because instance normalisation would erase the statistics that make up the style. `stages` run
    one after the other. The means and deviations of all their results are concatenated and go through `hidden`, ReLU
    and `delta`; the vector is `base` plus the result. `delta` starts at zero and `base` at the neutral vector, so that
    the first vectors do not change the conditional network's result.

    Args:
        neutral: the conditional network's neutral style vector, (S,) or (1, S).
        widths: channels of the stages; the first has stride 1, every other one stride 2.
        hidden: width of the hidden layer.

    Shapes: (N, 3, H, W) with any H and W from 64 up -> (N, S) float32.
    """

    def __init__(self, neutral: Tensor, widths: Sequence[int] = (16, 32, 64, 128, 192), hidden: int = 384) -> None:
        super().__init__()
        self.widths, self.hidden_width = tuple(widths), hidden
        self.base = nn.Parameter(neutral.detach().reshape(-1).clone())
        self.stages = nn.ModuleList(
            StyleEncoderStage(before, after, 1 if index == 0 else 2)
            for index, (before, after) in enumerate(zip((3, *widths), widths, strict=False))
        )
        self.hidden = nn.Linear(2 * sum(widths), hidden)
        self.relu = nn.ReLU()
        self.delta = nn.Linear(hidden, self.base.shape[0])
        nn.init.zeros_(self.delta.weight)
        nn.init.zeros_(self.delta.bias)

    @property
    def style_size(self) -> int:
        """Length S of a style vector."""
        return self.base.shape[0]

    def configuration(self) -> dict[str, list[int] | int]:
        """The arguments of `from_configuration`."""
        return {"widths": list(self.widths), "hidden": self.hidden_width, "style_size": self.style_size}

    @classmethod
    def from_configuration(cls, widths: Sequence[int], hidden: int, style_size: int) -> "StyleEncoder":
        """An encoder whose weights are to be loaded."""
        return cls(torch.zeros(style_size), widths, hidden)

    def forward(self, paintings: Tensor) -> Tensor:
        features = (paintings - 0.5) * 4.0  # about unit deviation
        pooled = []
        for stage in self.stages:
            features = stage(features)
            pooled.append(means_and_deviations(features))
        # Vectors multiply every feature of the conditional network: for them the 8 bits of bfloat16 are too few.
        with torch.autocast(paintings.device.type, enabled=False):
            vectors: Tensor = self.base + self.delta(self.relu(self.hidden(torch.cat(pooled, dim=1))))
        return vectors
