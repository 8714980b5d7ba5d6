"""Training of the conditional transformer network on named styles."""

import argparse
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nst_export.networks.conditional import ConditionalTransformer
from nst_export.training import losses
from nst_export.training.loss_network import LossNetwork, load_loss_network
from nst_export.training.photographs import Photographs, list_pictures, read_rgb


@dataclass(frozen=True)
class Settings:
    """What a training run is made of; written beside the weights."""

    content: str
    styles: dict[str, str]
    loss_network: str
    steps: int = 40000
    batch: int = 4
    size: int = 256
    style_side: int = 640
    scales: int = 3
    learning_rate: float = 2e-3
    style_weight: float = 10.0
    content_weight: float = 1.0
    stability_weight: float = 20.0
    variation_weight: float = 1.0
    range_weight: float = 20.0
    seed: int = 7
    average: float = 0.999
    widths: dict[str, int] = field(default_factory=dict)


def resize_long_side(picture: np.ndarray, side: int) -> np.ndarray:
    """The picture with its long side at `side` pixels (enlarged too: a style's strokes should have one scale)."""
    scale = side / max(picture.shape[:2])
    size = (max(64, round(picture.shape[1] * scale)), max(64, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def style_targets(network: LossNetwork, picture: np.ndarray, scales: int) -> list[Tensor]:
    """Gram matrices of a painting, for every scale and tap: each (1, C, C)."""
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        return [
            losses.gram_matrix(network(level, losses.STYLE_TAPS)[tap])
            for level in losses.pyramid(tensor, scales)
            for tap in losses.STYLE_TAPS
        ]


class Training:
    """One training run: the network, a vector for every named style, the optimiser, and running averages of both."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.folder = settings, folder
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(settings.seed)
        self.names = list(settings.styles)
        self.network = ConditionalTransformer(**settings.widths).to(memory_format=torch.channels_last)
        self.styles = nn.Parameter(self.network.neutral_style().repeat(len(self.names), 1))
        exact = load_loss_network(Path(settings.loss_network))
        targets = [
            style_targets(exact, resize_long_side(read_rgb(Path(path)), settings.style_side), settings.scales)
            for path in settings.styles.values()
        ]
        self.targets = [torch.cat(column) for column in zip(*targets, strict=True)]
        self.loss_network = exact.to(torch.bfloat16)
        self.optimizer = torch.optim.Adam(
            [
                {"params": list(self.network.parameters()), "lr": settings.learning_rate},
                {"params": [self.styles], "lr": settings.learning_rate * 3},
            ],
            betas=(0.9, 0.99),
        )
        self.base_rates = [group["lr"] for group in self.optimizer.param_groups]
        self.average = {name: value.clone() for name, value in self._values().items()}
        self.step = 0
        self.log: list[dict[str, float]] = []
        if self.checkpoint.exists():
            self.load()

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def _values(self) -> dict[str, Tensor]:
        values = {f"network.{name}": value.detach() for name, value in self.network.named_parameters()}
        return values | {"styles": self.styles.detach()}

    def save(self) -> None:
        state = {
            "settings": asdict(self.settings),
            "step": self.step,
            "network": self.network.state_dict(),
            "styles": self.styles.detach(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "log": self.log,
        }
        temporary = self.checkpoint.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)

    def load(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        self.network.load_state_dict(state["network"])
        with torch.no_grad():
            self.styles.copy_(state["styles"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.log, self.step = state["average"], state["log"], state["step"]

    def losses(self, photographs: Tensor, chosen: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Every loss of one batch, each a scalar, weighted."""
        s = self.settings
        vectors = self.styles[chosen]
        disturbed, shift, brightness = losses.disturb(photographs, generator)
        with torch.autocast("cpu", torch.bfloat16):
            both = self.network(torch.cat([photographs, disturbed]), torch.cat([vectors, vectors])).float()
        stylised, stylised_disturbed = both.chunk(2)
        with torch.no_grad():
            wanted = self.loss_network(photographs.bfloat16(), [losses.CONTENT_TAP])
        style_terms, content = [], torch.zeros(())
        for index, level in enumerate(losses.pyramid(stylised, s.scales)):
            found = self.loss_network(level.bfloat16(), losses.STYLE_TAPS)
            if index == 0:
                content = losses.content_error(found, wanted).mean()
            for position, tap in enumerate(losses.STYLE_TAPS):
                target = self.targets[index * len(losses.STYLE_TAPS) + position][chosen]
                style_terms.append(losses.relative_gram_error(losses.gram_matrix(found[tap]), target).mean())
        style = torch.stack(style_terms).mean()
        stability = losses.stability_error(stylised + brightness.roll(shift, (2, 3)), stylised_disturbed, shift).mean()
        return {
            "style": s.style_weight * style,
            "content": s.content_weight * content,
            "stability": s.stability_weight * stability,
            "variation": s.variation_weight * losses.total_variation(stylised).mean(),
            "range": s.range_weight * losses.out_of_range(stylised).mean(),
        }

    def run(self, until: int, sheet_every: int, validation: Path) -> None:
        s = self.settings
        photographs = Photographs(Path(s.content), s.size, s.batch, s.seed)
        started, first, saved = time.time(), self.step, time.time()
        for batch in photographs.ahead(self.step, until):
            generator = torch.Generator().manual_seed(s.seed * 1_000_003 + self.step)
            chosen = torch.randperm(len(self.names), generator=generator)[: s.batch]
            if len(chosen) < s.batch:
                chosen = torch.randint(0, len(self.names), (s.batch,), generator=generator)
            inputs = (batch.float() / 255).contiguous(memory_format=torch.channels_last)
            rate = min(1.0, (self.step + 1) / 200) * (0.5 + 0.5 * float(np.cos(np.pi * self.step / s.steps)))
            for group, base in zip(self.optimizer.param_groups, self.base_rates, strict=True):
                group["lr"] = base * max(rate, 0.01)
            terms = self.losses(inputs, chosen, generator)
            total = torch.stack(list(terms.values())).sum()
            if not torch.isfinite(total):
                raise FloatingPointError(f"step {self.step}: the loss is {float(total)}; last checkpoint kept")
            self.optimizer.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_([*self.network.parameters(), self.styles], 10.0)
            self.optimizer.step()
            self.step += 1
            decay = min(s.average, (1 + self.step) / (10 + self.step))
            for name, value in self._values().items():
                self.average[name].lerp_(value, 1 - decay)
            if self.step % 20 == 0 or self.step == first + 1:
                row = {name: round(float(term.detach()), 5) for name, term in terms.items()}
                seconds = (time.time() - started) / (self.step - first)
                self.log.append({"step": self.step, **row})
                print(f"{self.step:6d} {seconds:.2f} s/step", row, flush=True)
            if time.time() - saved > 180:
                self.save()
                saved = time.time()
            if self.step % sheet_every == 0:
                self.sheet(validation)
        self.save()
        self.sheet(validation)

    def averaged(self) -> tuple[ConditionalTransformer, Tensor]:
        """The network and the style vectors (n, S) with their running averages in place of the last values."""
        network = ConditionalTransformer(**self.settings.widths)
        network.load_state_dict(
            {name.removeprefix("network."): value for name, value in self.average.items() if name != "styles"}
        )
        return network.eval(), self.average["styles"]

    def sheet(self, validation: Path, count: int = 3) -> None:
        """Validation photographs (rows) in every style (columns), as a picture."""
        network, styles = self.averaged()
        paths = list_pictures(validation)
        rows = []
        for path in paths[:: max(1, len(paths) // count)][:count]:
            picture = cv2.resize(read_rgb(path), (320, 240), interpolation=cv2.INTER_AREA)
            tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
            cells = [picture]
            with torch.no_grad():
                for vector in styles:
                    output = network(tensor, vector[None])[0].clamp(0, 1).permute(1, 2, 0)
                    cells.append((output * 255).round().byte().numpy())
            rows.append(cells)
        half = (len(self.names) + 2) // 2
        sheet = np.vstack(
            [np.hstack((row + [np.zeros_like(row[0])])[i : i + half]) for row in rows for i in (0, half)]
            if len(self.names) % 2 == 0
            else [np.hstack(row[i : i + half]) for row in rows for i in (0, half)]
        )
        cv2.imwrite(str(self.folder / f"sheet_{self.step:06d}.jpg"), sheet[:, :, ::-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--content", required=True)
    parser.add_argument("--validation", required=True, type=Path)
    parser.add_argument("--style", action="append", required=True, help="NAME=PAINTING")
    parser.add_argument("--loss-network", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--until", type=int, default=40000)
    parser.add_argument("--sheet-every", type=int, default=500)
    parser.add_argument("--set", action="append", default=[], help="SETTING=NUMBER")
    arguments = parser.parse_args()
    changed: dict[str, Any] = {k: json.loads(v) for k, v in (item.split("=", 1) for item in arguments.set)}
    settings = Settings(
        content=arguments.content,
        styles=dict(item.split("=", 1) for item in arguments.style),
        loss_network=arguments.loss_network,
        **changed,
    )
    Training(settings, arguments.out).run(arguments.until, arguments.sheet_every, arguments.validation)


if __name__ == "__main__":
    main()
