"""One painting into a transformer network (Johnson et al. 2016), saved in the `fast_neural_style` layout."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from nst_export.checkpoints.training_checkpoint import save_tensors
from nst_export.networks.transformer_network import TransformerNetwork
from torch import Tensor, nn

from nst_train.data.crops import as_batch, as_floats, crops_at
from nst_train.data.images import ImageFolder, read_rgb, resize_long_side
from nst_train.loop.hardware import Hardware
from nst_train.loop.record import describe_file
from nst_train.loop.rng import rng_of
from nst_train.loop.validation import Column
from nst_train.perceptual.loss_network import load_loss_network
from nst_train.perceptual.perceptual_loss import PerceptualLoss
from nst_train.recipes.recipe import Batch, Recipe
from nst_train.settings import TransformerSettings

WEIGHTS = "transformer.pth"
WHITE = 255.0


class TransformerRecipe(Recipe):
    """One style, baked in. In training the network reads and makes RGB in [0, 1]; its file has [0, 255], as is usual.

    Raises:
        InputError: the photographs, the painting or the loss network cannot be read.
        ModelError: the loss network lacks a layer.
    """

    name: ClassVar[str] = "transformer"
    settings: TransformerSettings

    def __init__(self, settings: TransformerSettings, hardware: Hardware, notice: Callable[[str], None]) -> None:
        self.settings, self.hardware = settings, hardware
        self.photographs = ImageFolder(Path(settings.content), settings.photograph_side, notice)
        self.painting = resize_long_side(read_rgb(Path(settings.style)), settings.style_side)
        self.loss = PerceptualLoss(load_loss_network(Path(settings.loss_network)), settings, hardware)
        self.targets = self.loss.targets(as_floats(as_batch([self.painting])).to(hardware.device), exact=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = TransformerNetwork(settings.widths, settings.blocks)
        nn.init.constant_(_last(self.network).bias, 0.5)  # type: ignore[arg-type]  # Conv2d.bias is Tensor | None
        self.model = self.network

    def batch(self, step: int) -> Batch:
        s = self.settings
        return {"photographs": crops_at(self.photographs, step, s.batch, s.size, s.seed, **s.varied_crops)}

    def losses(self, step: int, batch: Batch) -> dict[str, Tensor]:
        photographs = as_floats(batch["photographs"])
        rng = rng_of(self.settings.seed, step)
        targets = [target.expand(photographs.shape[0], -1, -1) for target in self.targets]
        return self.loss.of_painter(self.network, photographs, targets, rng)

    def columns(self, model: nn.Module) -> Iterator[Column]:
        yield Column(Path(self.settings.style).stem, self.painting, model)

    def write_weights(self, model: nn.Module, folder: Path, training: str) -> list[Path]:
        path = folder / WEIGHTS
        save_tensors(in_bytes(cast(TransformerNetwork, model)).state_dict(), path)
        return [path]

    def data(self) -> dict[str, Any]:
        return {
            "content": self.photographs.describe(),
            "style": describe_file(Path(self.settings.style)),
            "loss_network": describe_file(Path(self.settings.loss_network)),
        }


@torch.no_grad()
def in_bytes(network: TransformerNetwork) -> TransformerNetwork:
    """A copy on the CPU that reads and makes RGB in [0, 255] instead of [0, 1]."""
    twin = copy.deepcopy(network).cpu()
    first, last = twin.get_submodule("conv1.conv2d"), _last(twin)
    assert isinstance(first, nn.Conv2d)
    assert last.bias is not None
    first.weight.div_(WHITE)
    last.weight.mul_(WHITE)
    last.bias.mul_(WHITE)
    return twin


def _last(network: TransformerNetwork) -> nn.Conv2d:
    return cast(nn.Conv2d, network.get_submodule("deconv3.conv2d"))
