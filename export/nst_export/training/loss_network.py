"""Loss networks: a VGG's feature maps, from the weight files that people have.

Simonyan & Zisserman 2015; as a loss: Gatys et al. 2016, Johnson et al. 2016.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


@dataclass(frozen=True)
class _Convolution:
    """One convolution of the network, named as in the paper: block 3, position 1 is conv3_1."""

    block: int
    position: int
    weight: Tensor
    bias: Tensor

    @property
    def tap(self) -> str:
        return f"relu{self.block}_{self.position}"


class LossNetwork(nn.Module):
    """Feature maps of a VGG, by their usual names (`relu1_1` ... `relu5_4`, as far as the weight file goes).

    Input: RGB (N, 3, H, W), values in [0, 1]; H and W at least 16. The weights are frozen.
    """

    def __init__(
        self, name: str, preprocess: tuple[Tensor, Tensor], convolutions: list[_Convolution], padding: str
    ) -> None:
        super().__init__()
        self.name = name
        self.padding = padding
        self.taps = [convolution.tap for convolution in convolutions]
        self.register_buffer("preprocess_weight", preprocess[0])
        self.register_buffer("preprocess_bias", preprocess[1])
        for convolution in convolutions:
            self.register_buffer(f"{convolution.tap}_weight", convolution.weight)
            self.register_buffer(f"{convolution.tap}_bias", convolution.bias)
        self.to(memory_format=torch.channels_last)

    def forward(self, pictures: Tensor, taps: list[str]) -> dict[str, Tensor]:
        """The feature maps named in `taps`; nothing deeper than the deepest of them is computed.

        Raises:
            ValueError: a name that this network does not have.
        """
        if unknown := [tap for tap in taps if tap not in self.taps]:
            raise ValueError(f"{self.name} has no layer {', '.join(unknown)}; it has {', '.join(self.taps)}")
        deepest = max(self.taps.index(tap) for tap in taps)
        features = functional.conv2d(pictures, self.preprocess_weight, self.preprocess_bias)
        kept: dict[str, Tensor] = {}
        for index, tap in enumerate(self.taps[: deepest + 1]):
            if index and tap.endswith("_1"):
                features = functional.max_pool2d(features, 2)
            if self.padding == "reflect":
                features = functional.pad(features, (1, 1, 1, 1), mode="reflect")
            features = functional.relu(
                functional.conv2d(
                    features,
                    self.get_buffer(f"{tap}_weight"),
                    self.get_buffer(f"{tap}_bias"),
                    padding=1 if self.padding == "zeros" else 0,
                )
            )
            if tap in taps:
                kept[tap] = features
        return kept


def load_loss_network(path: Path) -> LossNetwork:
    """Read a VGG from torchvision's VGG-16 or VGG-19 file, or from an `.npz` of arrays by layer name.

    Raises:
        ValueError: the file has none of the known layouts.
    """
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            weights = {key: torch.from_numpy(arrays[key]).float() for key in arrays.files}
    else:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    if "features.0.weight" in weights:
        return _from_torchvision(weights)
    if "conv1_1.weight" in weights:
        return _from_caffe_names(weights)
    if "conv0.weight" in weights and "conv11.weight" in weights:
        return _from_normalised(weights)
    found = ", ".join(list(weights)[:8])
    raise ValueError(
        f"{path}: not a loss network we know. Found the keys {found} ...; known are torchvision's VGG-16 and VGG-19 "
        "(features.0.weight ...), conv1_1.weight ... (BGR, 0..255) and conv0.weight, conv11.weight ... (normalised)"
    )


def _from_torchvision(weights: dict[str, Tensor]) -> LossNetwork:
    indices = sorted({int(key.split(".")[1]) for key in weights if key.startswith("features.")})
    name = {13: "vgg16", 16: "vgg19"}.get(len(indices))
    if name is None:
        raise ValueError(f"{len(indices)} convolutions under features.*: neither VGG-16 (13) nor VGG-19 (16)")
    places = [(block + 1, i + 1) for block, count in enumerate(BLOCKS[name]) for i in range(count)]
    convolutions = [
        _Convolution(block, position, weights[f"features.{index}.weight"], weights[f"features.{index}.bias"])
        for index, (block, position) in zip(indices, places, strict=True)
    ]
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    preprocess = (torch.diag(1 / deviation)[:, :, None, None], -mean / deviation)
    return LossNetwork(f"torchvision-{name}", preprocess, convolutions, "zeros")


def _from_caffe_names(weights: dict[str, Tensor]) -> LossNetwork:
    convolutions = [
        _Convolution(block, position, weights[f"conv{block}_{position}.weight"], weights[f"conv{block}_{position}.bias"])
        for block in range(1, 6)
        for position in range(1, 5)
        if f"conv{block}_{position}.weight" in weights
    ]
    to_bgr = torch.eye(3).flip(0)[:, :, None, None] * 255.0
    return LossNetwork(
        "caffe-vgg19", (to_bgr, -torch.tensor([103.939, 116.779, 123.68])), convolutions, "zeros"
    )


def _from_normalised(weights: dict[str, Tensor]) -> LossNetwork:
    convolutions = [
        _Convolution(block, position, weights[f"conv{block}{position}.weight"], weights[f"conv{block}{position}.bias"])
        for block in range(1, 6)
        for position in range(1, 5)
        if f"conv{block}{position}.weight" in weights
    ]
    preprocess = (weights["conv0.weight"], weights["conv0.bias"])
    return LossNetwork("normalised-vgg19", preprocess, convolutions, "reflect")
