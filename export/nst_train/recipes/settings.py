"""What a training run is made of: everything that decides its result, written into its checkpoint."""

from dataclasses import asdict, dataclass, field
from typing import Any

from nst_rt.errors import InputError

from nst_train.data.crops import WIDER, WIDEST

WHOLE = 8
"""Crops are multiples of this many pixels: the largest stride of the networks that are trained here."""
SMALLEST_LEVEL = 16
"""Shortest side, in pixels, at which a loss network is run."""
BORDER_SIDE = 64
"""Least side of crops for the border loss, in pixels: the strips of opposite sides do not overlap."""
ECHO_SIDE = 64
"""Least side of crops for the echo loss, in pixels: four times its longest shift, so that half of them is compared."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Settings that every recipe has.

    Raises:
        InputError: a number out of its range.
    """

    content: str
    """Folder of photographs."""
    steps: int = 40000
    """Length of the cosine schedule."""
    batch: int = 4
    """Photographs a step."""
    size: int = 256
    """Side of the square crops, in pixels; a multiple of 8."""
    learning_rate: float = 2e-3
    warm_up: int = 200
    """Steps until the learning rate is reached."""
    clip: float = 10.0
    """Largest norm of the gradient."""
    average: float = 0.999
    """Weight of the past in the running average of the weights, which is what is kept in the end."""
    seed: int = 7

    def __post_init__(self) -> None:
        if self.size % WHOLE or self.size < 2 * SMALLEST_LEVEL:
            raise InputError(f"crops of {self.size} px: take a multiple of {WHOLE}, {2 * SMALLEST_LEVEL} or more")
        if self.batch < 1 or self.steps < 1:
            raise InputError(f"{self.steps} steps of {self.batch} photographs: both numbers are 1 or more")
        if not 0 < self.learning_rate < 1 or not 0 <= self.average < 1:
            raise InputError(
                f"learning rate {self.learning_rate}, running average {self.average}: give a learning rate between 0 "
                "and 1, and an average from 0 up to below 1"
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, by name."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class PerceptualSettings(RunSettings):
    """Settings of the recipes that learn from a painting's Gram matrices (Johnson et al. 2016)."""

    loss_network: str
    """File of the VGG."""
    style_side: int = 640
    """Long side that paintings are brought to: strokes of one scale for all of them."""
    scales: int = 3
    """The style loss sees the image at 1, 1/2, 1/4 ... of its size: this many of them."""
    style_layers: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1")
    content_layer: str = "relu3_1"
    style_weight: float = 10.0
    content_weight: float = 1.0
    calm_weight: float = 0.0
    """Against places that are emptier than the painting's calm ones."""
    echo_weight: float = 0.0
    """Against strokes that repeat at multiples of the network's stride."""
    border_weight: float = 0.0
    """Against frames: grain or another colour along the borders."""
    patch_weight: float = 0.0
    """Against even areas that fall apart into patches of different colours."""
    close_ups: float = 0.0
    """Part of the photographs that is shown two to six times enlarged, so that there is little in them to hang strokes
    on."""
    wide_crops: float = 0.0
    """Part of the steps that have a quarter of the photographs, of twice the side, so that the network sees what is far
    from every border."""
    stability_weight: float = 20.0
    variation_weight: float = 1.0
    range_weight: float = 20.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scales < 1 or self.size >> (self.scales - 1) < SMALLEST_LEVEL:
            raise InputError(
                f"{self.scales} scales of crops of {self.size} px: the smallest must keep {SMALLEST_LEVEL} px. "
                "Take larger crops or fewer scales"
            )
        if self.wide_crops and self.batch < WIDER**2:
            raise InputError(
                f"wide crops with batches of {self.batch}: they are a quarter as many. Give --batch-size {WIDER**2} or "
                "more"
            )
        if self.echo_weight and self.size < ECHO_SIDE:
            raise InputError(f"crops of {self.size} px: the echo loss needs {ECHO_SIDE}. Raise --size")
        if self.border_weight and self.size < BORDER_SIDE:
            raise InputError(f"crops of {self.size} px: the border loss needs {BORDER_SIDE}. Raise --size")

    @property
    def photograph_side(self) -> int:
        """Short side of photographs that no crop needs more of; smaller ones are enlarged for crops that do."""
        return round(WIDEST * self.size * (WIDER if self.wide_crops else 1))

    @property
    def varied_crops(self) -> dict[str, float]:
        """The arguments of `crops_at` that make crops differ."""
        return {"close_ups": self.close_ups, "wide_crops": self.wide_crops}


@dataclass(frozen=True, kw_only=True)
class TransformerSettings(PerceptualSettings):
    """One style baked into a transformer network."""

    style: str
    """File of the painting."""
    widths: tuple[int, int, int] = (32, 64, 128)
    """Channels at full, half and quarter size."""
    blocks: int = 5
    learning_rate: float = 1e-3


@dataclass(frozen=True, kw_only=True)
class ConditionalSettings(PerceptualSettings):
    """Named styles, and with a folder of paintings any style, in one conditional network."""

    styles: dict[str, str] = field(default_factory=dict)
    """Files of the paintings by the style's name."""
    style_sides: dict[str, int] = field(default_factory=dict)
    """Long sides, by the style's name, of the paintings that are brought to another than `style_side`."""
    widths: dict[str, int] = field(default_factory=dict)
    """Arguments of `ConditionalTransformer` other than its defaults."""
    paintings: str = ""
    """Folder of paintings that the style encoder learns from; empty: no encoder."""
    painting_share: float = 0.5
    """Part of a batch whose style vector comes from the encoder."""
    painting_size: int = 256
    """Side of the crops that the encoder reads in training, in pixels."""
    hold_out: int = 0
    """Every so many-th painting, in the order of their names, is kept out of training; 0 keeps none out."""
    photograph_share: float = 0.1
    """Part of the encoder's crops that are cut from photographs instead of paintings."""
    spike_weight: float = 1.0
    """Against huge values in single places, which show as glowing blobs."""
    brush_weight: float = 0.0
    """Against strokes of one direction: in even areas they are to follow the flow of the network's noise."""
    remaining: float = 0.0
    """Part of the photographs' own style error (counted as 0.6 at most) that every named style is to end near: a style
    that is further away counts more, a style that is nearer less. 0 weighs all errors alike, and the styles end where
    they do."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.styles and not self.paintings:
            raise InputError("nothing to learn: give named styles (--style NAME=PAINTING), --paintings FOLDER, or both")
        if self.styles and self.paintings and self.batch < 2:
            raise InputError("named styles and paintings share a batch: take two photographs a step or more")
        for share in (self.painting_share, self.photograph_share):
            if not 0 <= share <= 1:
                raise InputError(f"a share of {share:g} is out of range: give a number from 0 to 1")
        if not 0 <= self.remaining < 1:
            raise InputError(f"--remaining {self.remaining:g}: give a part, from 0 up to below 1")
        if self.remaining and not self.styles:
            raise InputError("--remaining is about named styles: give --style or --named, or leave it out")
        if self.hold_out < 0 or self.hold_out == 1:
            raise InputError("holding out every painting leaves none to learn from: give 2 or more, or 0 for none")
        if self.painting_size < 64 or self.painting_size >> (self.scales - 1) < SMALLEST_LEVEL:
            raise InputError(f"crops of paintings of {self.painting_size} px are too small: take 64 or more")


@dataclass(frozen=True, kw_only=True)
class AdainSettings(RunSettings):
    """A decoder for a fixed encoder, after Huang & Belongie 2017."""

    styles: str
    """Folder of style images."""
    encoder: str
    """File of the normalised VGG."""
    cut: str = ""
    """Where the encoder ends, `relu3_1` or `relu4_1`; empty: as deep as the file goes, relu4_1 at most."""
    batch: int = 8
    steps: int = 160000
    learning_rate: float = 1e-4
    content_weight: float = 1.0
    style_weight: float = 10.0
    stability_weight: float = 0.0
    variation_weight: float = 0.0
