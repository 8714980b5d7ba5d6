"""A world small enough to train in: images of 64 px, a VGG of four channels, networks of eight."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from nst_train.loop.hardware import Hardware
from nst_train.settings import ConditionalSettings
from tiny_images import draw, write_adain_encoder, write_loss_network
from tiny_networks import noise as noise
from tiny_networks import one_thread as one_thread
from tiny_networks import run as run
from tiny_networks import small_samples as small_samples
from tiny_networks import style_of as style_of
from tiny_networks import tiny_conditional as tiny_conditional

WIDTHS = {"quarter": 8, "eighth": 8, "half": 8, "blocks": 1}


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """photographs/ (5), paintings/ (4), gogh.png, wave.png, vgg.npz and encoder.pth (normalised, to relu3_1)."""
    folder = tmp_path_factory.mktemp("world")
    for name, count, size in (("photographs", 5, (64, 80)), ("paintings", 4, (90, 70))):
        (folder / name).mkdir()
        for index in range(count):
            cv2.imwrite(str(folder / name / f"{index}.png"), draw(index + 10 * count, *size))
    for index, name in enumerate(("gogh", "wave")):
        cv2.imwrite(str(folder / f"{name}.png"), draw(100 + index, 80, 96))
    write_loss_network(folder / "vgg.npz")
    write_adain_encoder(folder / "encoder.pth")
    return folder


@pytest.fixture(scope="package")
def cpu() -> Hardware:
    return Hardware(torch.device("cpu"), torch.float32, "CPU, float32")


@pytest.fixture
def conditional_settings(world: Path) -> Callable[..., ConditionalSettings]:
    """Settings of a conditional run that takes milliseconds a step; keywords change them."""

    def make(**changes: Any) -> ConditionalSettings:
        plain: dict[str, Any] = {
            "content": str(world / "photographs"),
            "styles": {name: str(world / f"{name}.png") for name in ("gogh", "wave")},
            "widths": WIDTHS,
            "loss_network": str(world / "vgg.npz"),
            "steps": 20,
            "batch": 2,
            "size": 32,
            "style_side": 96,
            "scales": 2,
            "painting_size": 64,
            "warm_up": 2,
            "learning_rate": 1e-2,
        }
        return ConditionalSettings(**(plain | changes))

    return make


class Notes:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.steps: list[int] = []
        self.losses: list[dict[str, float]] = []
        self.after: Callable[[int], None] = lambda step: None

    def begin(self, step: int, steps: int) -> None:
        pass

    def advance(self, step: int, losses: Any) -> None:
        self.steps.append(step)
        self.losses.append(dict(losses))
        self.after(step)

    def note(self, text: str) -> None:
        self.texts.append(text)

    def end(self) -> None:
        pass


@pytest.fixture
def notes() -> Notes:
    return Notes()
