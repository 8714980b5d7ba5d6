"""Many styles in one conditional network: named ones as vectors, any painting through a style encoder.

Dumoulin et al. 2017 for the named styles, Ghiasi et al. 2017 for the encoder, trained jointly.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from nst_export.checkpoints.conditional_checkpoint import ConditionalWeights, write_conditional
from nst_export.model_files.named_styles import NamedStyle, record_of
from nst_export.networks.conditional_network import ConditionalTransformer
from nst_export.networks.noise import take_tiles
from nst_export.networks.style_encoder_network import StyleEncoder
from nst_rt.errors import ModelError
from torch import Tensor, nn
from torch.nn import functional

from nst_train.data.crops import as_batch, as_floats, crops_at
from nst_train.data.images import ImageFolder, Rgb, list_images, read_rgb, resize_long_side
from nst_train.data.paintings import STROKES, PaintingCrops, held_out
from nst_train.loop.hardware import Hardware
from nst_train.loop.record import describe_file
from nst_train.loop.rng import rng_of
from nst_train.loop.validation import Column
from nst_train.perceptual.brush import BrushLoss
from nst_train.perceptual.loss_network import load_loss_network
from nst_train.perceptual.losses import relative_gram_error
from nst_train.perceptual.perceptual_loss import PerceptualLoss, Targets
from nst_train.perceptual.spikes import spike_error, watched_spikes
from nst_train.recipes.adopting import adopt_values
from nst_train.recipes.recipe import Batch, Recipe
from nst_train.settings import ConditionalSettings

WEIGHTS = "conditional.pt"
VECTOR_RATE, ENCODER_RATE = 3.0, 0.5
"""Learning rates of the named vectors and of the encoder, as multiples of the network's."""
SHOWN_PAINTINGS = 4
"""Paintings that a sheet shows through the encoder."""
STEEPEST = 3.0
"""Slope of a named style's loss where it is far from its painting, as a multiple of that where it is to end."""
FURTHEST = 0.6
"""Error of unchanged photographs beyond which a named style counts no further away. Photographs are 0.5 to 0.7 from
most paintings, but 3.4 from seurat and 5.3 from ink, which are darker or flatter: seurat closed 97 % of that with an
error of 0.10 left and read as a tint, where gogh, at 94 %, had 0.06."""
_ENCODER_SEED = 2
"""Behind the seed and the step; 1 is that of the crops of paintings."""
UNCHANGED_CROPS, UNCHANGED_STEP = 64, 1_000_000_001
"""Crops that tell how far photographs are from each named style, and the step, reached by no training, they are of."""


class ConditionalModel(nn.Module):
    """The network, a vector for every named style, and the encoder where there is one.

    Args:
        names: how many named styles.
    """

    def __init__(self, network: ConditionalTransformer, names: int, encoder: StyleEncoder | None) -> None:
        super().__init__()
        self.network = network
        self.styles = nn.Parameter(network.neutral_style().repeat(names, 1))
        self.encoder = encoder


class ConditionalRecipe(Recipe):
    """Part of every batch takes the vectors of named styles, the rest what the encoder reads off crops of paintings.

    Args:
        table: records of the paintings behind named styles, for the weights file.
        shown: folder of paintings that the sheets show through the encoder; if left out, those that are held out, or
            else some that are learned from.

    Raises:
        InputError: photographs, paintings or the loss network cannot be read.
        ModelError: the loss network lacks a layer, or the widths are none of the network's.
    """

    name: ClassVar[str] = "conditional"
    settings: ConditionalSettings

    def __init__(
        self,
        settings: ConditionalSettings,
        hardware: Hardware,
        notice: Callable[[str], None],
        table: dict[str, NamedStyle] | None = None,
        shown: Path | None = None,
    ) -> None:
        self.settings, self.hardware = settings, hardware
        self.names = list(settings.styles)
        self._table = table or {}
        self.photographs = ImageFolder(Path(settings.content), settings.photograph_side, notice)
        self.paintings: ImageFolder | None = None
        self._crops: PaintingCrops | None = None
        self._held_out: list[Path] = []
        if settings.paintings:
            paths = list_images(Path(settings.paintings))
            self._held_out = held_out(paths, settings.hold_out)
            used = [path for path in paths if path not in self._held_out]
            # No crop needs more pixels than the largest scale of strokes.
            least = round(STROKES[1] * settings.style_side)
            self.paintings = ImageFolder(Path(settings.paintings), least, notice, used)
            self._crops = PaintingCrops(
                self.paintings,
                self.photographs,
                side=settings.style_side,
                size=settings.painting_size,
                seed=settings.seed,
                photograph_share=settings.photograph_share,
            )
        self._named = [
            resize_long_side(read_rgb(Path(path)), settings.style_sides.get(name, settings.style_side))
            for name, path in settings.styles.items()
        ]
        self.loss = PerceptualLoss(load_loss_network(Path(settings.loss_network)), settings, hardware)
        self._named_targets = self._targets_of_named()
        self._unchanged = self._errors_of_photographs()
        self._brush = BrushLoss(self._named_floats(), hardware.device) if settings.brush_weight else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.model: ConditionalModel = self._new_model()
        self._shown = self._choose_shown(shown, notice)

    def _new_model(self) -> ConditionalModel:
        try:
            network = ConditionalTransformer(**self.settings.widths)
        except TypeError as error:
            raise ModelError(
                f"widths {self.settings.widths}: {error}. Known are quarter, eighth, half and blocks"
            ) from error
        encoder = StyleEncoder(network.neutral_style()) if self.paintings else None
        return ConditionalModel(network, len(self.names), encoder)

    def _targets_of_named(self) -> Targets:
        each = [self.loss.targets(painting, exact=True) for painting in self._named_floats()]
        return [torch.cat(column) for column in zip(*each, strict=True)]

    def _named_floats(self) -> list[Tensor]:
        """The named styles' paintings, RGB (1, 3, H, W) in [0, 1] each."""
        return [as_floats(as_batch([painting])).to(self.hardware.device) for painting in self._named]

    def _errors_of_photographs(self) -> Tensor:
        """The mean style error of unchanged photographs, FURTHEST at most, for every named style (styles,): what there
        is to close."""
        s = self.settings
        if not s.remaining:
            return torch.ones(len(self.names), device=self.hardware.device)
        crops = crops_at(self.photographs, UNCHANGED_STEP, UNCHANGED_CROPS, s.size, s.seed).to(self.hardware.device)
        errors = torch.zeros(len(self.names), device=self.hardware.device)
        for begin in range(0, UNCHANGED_CROPS, s.batch):
            part = crops[begin : begin + s.batch]
            grams = self.loss.grams(as_floats(part))
            for gram, wanted in zip(grams, self._named_targets, strict=False):  # behind them may be more
                for style, target in enumerate(wanted):
                    errors[style] += relative_gram_error(gram, target.expand_as(gram)).sum() / len(grams)
        return (errors / UNCHANGED_CROPS).clamp(max=FURTHEST)

    def _choose_shown(self, shown: Path | None, notice: Callable[[str], None]) -> list[tuple[str, Rgb]]:
        if self.paintings is None:
            return []
        side = self.settings.style_side
        folder = self.paintings
        if shown:
            folder = ImageFolder(shown, side, notice)
        elif self._held_out:
            folder = ImageFolder(self.paintings.folder, side, notice, self._held_out)
        places = range(0, len(folder), max(1, len(folder) // SHOWN_PAINTINGS))[:SHOWN_PAINTINGS]
        return [(folder.paths[place].stem, resize_long_side(folder.image(place), side)) for place in places]

    def encoded(self, step: int, count: int) -> int:
        """How many of a step's `count` photographs take their vector from the encoder: of fewer than a whole batch the
        same part, by rng one more or less."""
        if self.paintings is None:
            return 0
        s = self.settings
        if not self.names:
            return count
        rng = np.random.default_rng((s.seed, step, _ENCODER_SEED))
        of_whole = min(max(1, round(s.batch * s.painting_share)), s.batch - 1)
        return (count * of_whole + int(rng.integers(s.batch))) // s.batch

    def rate(self, parameter: str) -> float:
        if parameter == "styles":
            return VECTOR_RATE
        return ENCODER_RATE if parameter.startswith("encoder.") else 1.0

    def batch(self, step: int) -> Batch:
        s = self.settings
        photographs = crops_at(self.photographs, step, s.batch, s.size, s.seed, **s.varied_crops)
        batch = {"photographs": photographs}
        if self._crops and (encoded := self.encoded(step, len(photographs))):
            batch["paintings"] = self._crops.at(step, encoded)
        return batch

    def losses(self, step: int, batch: Batch) -> dict[str, Tensor]:
        s = self.settings
        photographs = as_floats(batch["photographs"])
        rng = rng_of(s.seed, step)
        named = len(photographs) - len(batch.get("paintings", ()))
        chosen = self._choose(named, rng)
        vectors, targets = self._wanted(batch, chosen)
        painted_all: list[Tensor] = []
        noise_offset = self.model.network.draw_noise_offset(rng)

        def paint(seen: Tensor) -> Tensor:
            painted: Tensor = self.model.network(seen, vectors.repeat(len(seen) // len(vectors), 1), noise_offset)
            painted_all.append(painted)
            return painted

        shape = partial(self._shaped, unchanged=self._unchanged[chosen])
        watching: AbstractContextManager[list[Tensor]] = (
            watched_spikes(self.model.network) if s.spike_weight else nullcontext([])
        )
        with watching as spikes:
            terms = self.loss.of_painter(paint, photographs, targets, rng, shape)
        if spikes:
            terms["spikes"] = s.spike_weight * spike_error(spikes)
        if self._brush is not None:
            (painted,) = painted_all
            paintings = as_floats(batch["paintings"]) if "paintings" in batch else None
            error = self._brush(painted[: len(photographs)], photographs, chosen, paintings, noise_offset)
            terms["brush"] = s.brush_weight * error
        return terms

    def _choose(self, named: int, rng: torch.Generator) -> Tensor:
        """Which named styles the first `named` images of a batch get: different ones as far as there are."""
        chosen = torch.randperm(len(self.names), generator=rng)[:named]
        if len(chosen) < named:
            chosen = torch.randint(0, len(self.names), (named,), generator=rng)
        return chosen.to(self.hardware.device)

    def _shaped(self, errors: Tensor, unchanged: Tensor) -> Tensor:
        """Style losses (N,) of errors (terms, N): first the images in named styles, then those through the encoder.

        Some paintings, nearly black ones above all, have errors a hundred times those of others and would drown them:
        an error e through the encoder counts as log(1 + e). A named style's counts as it is or, with
        `ConditionalSettings.remaining`, by the part of the photographs' own error that is left: its square up to
        STEEPEST times what is to remain, and its slope there beyond, lest single photographs pull too hard.
        """
        named, encoded = errors[:, : len(unchanged)], errors[:, len(unchanged) :].log1p()
        remaining = self.settings.remaining
        if not remaining:
            return torch.cat([named, encoded], dim=1).mean(0)
        shares = named.mean(0) / unchanged
        pull = functional.huber_loss(shares, torch.zeros_like(shares), reduction="none", delta=STEEPEST * remaining)
        return torch.cat([pull / remaining, encoded.mean(0)])

    def _wanted(self, batch: Batch, chosen: Tensor) -> tuple[Tensor, Targets]:
        """Style vectors (batch, S) and their targets: first the chosen named ones, then those of the encoder."""
        vectors: list[Tensor] = []
        targets: list[Targets] = []
        if len(chosen):
            vectors.append(self.model.styles[chosen])
            targets.append([target[chosen] for target in self._named_targets])
        if self.model.encoder is not None and "paintings" in batch:
            paintings = as_floats(batch["paintings"])
            with self.hardware.autocast():
                vectors.append(self.model.encoder(paintings))
            targets.append(self.loss.targets(paintings))
        return torch.cat(vectors), [torch.cat(column) for column in zip(*targets, strict=True)]

    def adopt(self, values: dict[str, Tensor], settings: dict[str, Any]) -> list[str]:
        model = self.model
        self._refuse_other_vectors(values)
        others = dict(zip(settings["styles"], values["styles"], strict=True))
        rest = {name: value for name, value in values.items() if name != "styles"}
        take_tiles(model, rest)
        missing = [name for name in adopt_values(model, rest) if name != "styles"]
        if not others:
            return missing
        mean = torch.stack(list(others.values())).mean(0)
        with torch.no_grad():
            for row, name in zip(model.styles, self.names, strict=True):
                row.copy_(others.get(name, mean))
            if model.encoder is not None and "encoder.base" in missing:
                model.encoder.base.copy_(mean)
        return missing + [f"styles {name}" for name in self.names if name not in others]

    def _refuse_other_vectors(self, values: dict[str, Tensor]) -> None:
        network = self.model.network
        weights = {f"network.{name}": weight.shape for name, weight in network.named_parameters()}
        if any(name in values and values[name].shape != shape for name, shape in weights.items() if "tile" not in name):
            return  # other widths, which explain the vectors; `adopt_values` tells of them
        vectors = [values[name] for name in ("styles", "encoder.base") if name in values and values[name].numel()]
        if wrong := {vector.shape[-1] for vector in vectors} - {network.style_size}:
            raise ModelError(
                f"--start: its style vectors have {wrong.pop()} numbers, those of this network {network.style_size}: "
                "it is of a version that had other vectors. Begin with one that this version trained"
            )

    def columns(self, model: nn.Module) -> Iterator[Column]:
        model = cast(ConditionalModel, model)
        for name, painting, vector in zip(self.names, self._named, model.styles, strict=True):
            yield Column(name, painting, partial(model.network, style=vector[None]))
        if model.encoder is not None:
            for name, painting in self._shown:
                vector = model.encoder(as_floats(as_batch([painting])).to(self.hardware.device))
                yield Column(f"{name} (encoder)", painting, partial(model.network, style=vector))

    def write_weights(self, model: nn.Module, folder: Path, training: str) -> list[Path]:
        model = cast(ConditionalModel, model)
        records = {
            name: record_of(name, Path(path), self._table).texts() for name, path in self.settings.styles.items()
        }
        styles = dict(zip(self.names, model.styles, strict=True))
        path = folder / WEIGHTS
        write_conditional(ConditionalWeights(model.network, styles, records, model.encoder, training), path)
        return [path]

    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "content": self.photographs.describe(),
            "styles": {name: describe_file(Path(path)) for name, path in self.settings.styles.items()},
            "loss_network": describe_file(Path(self.settings.loss_network)),
        }
        if self.paintings:
            found["paintings"] = self.paintings.describe() | {"held_out": [path.name for path in self._held_out]}
        return found
