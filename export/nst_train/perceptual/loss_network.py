"""Loss networks: a VGG's feature maps, from the weight files that people have.

Simonyan & Zisserman 2015; as a loss: Gatys et al. 2016, Johnson et al. 2016.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from nst_export.checkpoints.checkpoint_file import describe_keys, read_checkpoint
from nst_rt.errors import InputError, ModelError
from torch import Tensor, nn
from torch.nn import functional

BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
TORCHVISION_FILES = ("vgg19-dcbb9e9d.pth", "vgg16-397923af.pth")
"""The names under which torch.hub keeps torchvision's networks, the preferred one first."""
ADDRESS = "https://download.pytorch.org/models/"
"""Where torchvision's files are downloaded from."""


@dataclass(frozen=True)
class _Convolution:
    """One convolution of the network, named as in the paper: block 3, position 1 is conv3_1."""

    block: int
    position: int
    weight: Tensor
    bias: Tensor

    @property
    def layer(self) -> str:
        return f"relu{self.block}_{self.position}"


class LossNetwork(nn.Module):
    """Feature maps of a VGG, by their usual names (`relu1_1` ... `relu5_4`, as far as the weight file goes).

    Input: RGB (N, 3, H, W), float32 in [0, 1]; H and W at least `least_side`. The weights are frozen.
    """

    preprocess_weight: Tensor
    preprocess_bias: Tensor

    def __init__(self, name: str, preprocess: tuple[Tensor, Tensor], convolutions: list[_Convolution]) -> None:
        super().__init__()
        self.name = name
        self.layers = [convolution.layer for convolution in convolutions]
        self.register_buffer("preprocess_weight", preprocess[0])
        self.register_buffer("preprocess_bias", preprocess[1])
        for convolution in convolutions:
            self.register_buffer(f"{convolution.layer}_weight", convolution.weight)
            self.register_buffer(f"{convolution.layer}_bias", convolution.bias)

    @staticmethod
    def least_side(layers: Iterable[str]) -> int:
        """Shortest side, in pixels, of images whose maps of all these layers can be computed: reflection pads them by
        1 and needs 2 positions for it."""
        return 1 << max(int(layer[len("relu") : layer.index("_")]) for layer in layers)

    def require(self, layers: Sequence[str]) -> None:
        """Check that the network has these layers.

        Raises:
            ModelError: one of them is missing.
        """
        if unknown := [layer for layer in layers if layer not in self.layers]:
            raise ModelError(
                f"the loss network {self.name} has no layer {', '.join(unknown)}; it has {', '.join(self.layers)}. "
                "Choose among these, or another loss network"
            )

    def computing_in(self, dtype: torch.dtype) -> "LossNetwork":
        """A copy whose feature maps are computed in another type; the preprocessing stays in float32, because values
        up to 255 minus a mean lose their last bits in bfloat16."""
        twin = copy.deepcopy(self)
        for layer in twin.layers:
            for part in ("weight", "bias"):
                setattr(twin, f"{layer}_{part}", twin.get_buffer(f"{layer}_{part}").to(dtype))
        return twin

    def forward(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """The feature maps named in `layers`; nothing deeper than the deepest of them is computed.

        Raises:
            ModelError: a name that this network does not have.
        """
        self.require(layers)
        deepest = max(self.layers.index(layer) for layer in layers)
        features = functional.conv2d(images, self.preprocess_weight, self.preprocess_bias)
        features = features.to(self.get_buffer(f"{self.layers[0]}_weight").dtype)
        kept: dict[str, Tensor] = {}
        for index, layer in enumerate(self.layers[: deepest + 1]):
            if index and layer.endswith("_1"):
                features = functional.max_pool2d(features, 2)
            # Zeros around the image, as VGG was trained with, would be a contour at its border that a network then
            # learns to paint over: a frame of a few pixels in every stylised image.
            features = functional.pad(features, (1, 1, 1, 1), mode="reflect")
            features = functional.relu(
                functional.conv2d(
                    features,
                    self.get_buffer(f"{layer}_weight"),
                    self.get_buffer(f"{layer}_bias"),
                )
            )
            if layer in layers:
                kept[layer] = features
        return kept


def find_loss_network(path: Path | None) -> Path:
    """The file that was asked for, or torchvision's VGG-19 or VGG-16 in torch.hub's cache.

    Raises:
        InputError: no such file, or none in the cache.
    """
    if path is not None:
        if not path.is_file():
            raise InputError(f"{path}: no such loss network file. Give torchvision's vgg19 or vgg16 .pth, or an .npz")
        return path
    if cached := cached_loss_network():
        return cached
    raise InputError(
        f"no loss network: {' or '.join(TORCHVISION_FILES)} is not in {hub_folder()}. Download "
        f"{ADDRESS}{TORCHVISION_FILES[0]} into it, or give a file with --loss-network"
    )


def hub_folder() -> Path:
    """Where torch.hub keeps weight files. May not exist yet."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def cached_loss_network(files: Sequence[str] = TORCHVISION_FILES) -> Path | None:
    """The first of these files that is in torch.hub's cache."""
    return next((path for name in files if (path := hub_folder() / name).is_file()), None)


def load_loss_network(path: Path) -> LossNetwork:
    """Read a VGG from torchvision's VGG-16 or VGG-19 file, or from an `.npz` of arrays by layer name.

    Raises:
        InputError: the file is missing or damaged.
        ModelError: the file has none of the known layouts.
    """
    weights = read_checkpoint(path).tensors
    try:
        if "features.0.weight" in weights:
            network = _from_torchvision(weights)
        elif "conv1_1.weight" in weights:
            network = _from_caffe_names(weights)
        elif "conv0.weight" in weights and "conv11.weight" in weights:
            network = _from_normalised(weights)
        else:
            raise ValueError("unknown keys")
        with torch.no_grad():
            network(torch.zeros(1, 3, 64, 64), network.layers[-1:])
    except (ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise ModelError(
            f"{path}: not a loss network that nst-rt knows ({reason}). Found: {describe_keys(weights)}. Known: "
            "torchvision's VGG-16 and VGG-19 (features.0.weight ...), conv1_1.weight ... (BGR, 0..255) and "
            "conv0.weight, conv11.weight ... (normalised)"
        ) from error
    return network


def _from_torchvision(weights: dict[str, Tensor]) -> LossNetwork:
    indices = sorted({int(key.split(".")[1]) for key in weights if key.startswith("features.")})
    name = {13: "vgg16", 16: "vgg19"}.get(len(indices))
    if name is None or any(weights[f"features.{index}.weight"].dim() != 4 for index in indices):
        raise ValueError(f"{len(indices)} layers under features.*: neither VGG-16 (13) nor VGG-19 (16)")
    places = [(block + 1, i + 1) for block, count in enumerate(BLOCKS[name]) for i in range(count)]
    convolutions = [
        _Convolution(block, position, weights[f"features.{index}.weight"], weights[f"features.{index}.bias"])
        for index, (block, position) in zip(indices, places, strict=True)
    ]
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    preprocess = (torch.diag(1 / deviation)[:, :, None, None], -mean / deviation)
    return LossNetwork(f"torchvision-{name}", preprocess, convolutions)


def _from_caffe_names(weights: dict[str, Tensor]) -> LossNetwork:
    to_bgr = torch.eye(3).flip(0)[:, :, None, None] * 255.0
    preprocess = (to_bgr, -torch.tensor([103.939, 116.779, 123.68]))
    return LossNetwork("caffe-vgg19", preprocess, _named(weights, "conv{}_{}"))


def _from_normalised(weights: dict[str, Tensor]) -> LossNetwork:
    preprocess = (weights["conv0.weight"], weights["conv0.bias"])
    return LossNetwork("normalised-vgg19", preprocess, _named(weights, "conv{}{}"))


def _named(weights: dict[str, Tensor], pattern: str) -> list[_Convolution]:
    names = {(block, place): pattern.format(block, place) for block in range(1, 6) for place in range(1, 5)}
    return [
        _Convolution(block, place, weights[f"{name}.weight"], weights[f"{name}.bias"])
        for (block, place), name in names.items()
        if f"{name}.weight" in weights
    ]
