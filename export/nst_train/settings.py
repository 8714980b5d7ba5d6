"""The numbers of a training, declared once: they make the command line, the defaults, the checkpoint and the record."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from nst_rt.cli.option_fields import option
from nst_rt.errors import InputError

DATA, RUN, LOSS = "Data", "Run", "Losses"
"""Panels of the help."""

MULTIPLE = 8
"""Crops are multiples of this many pixels: the largest stride of the networks that are trained here."""
SMALLEST_LEVEL = 16
"""Shortest side, in pixels, at which a loss network is run."""
BORDER_SIDE = 64
"""Smallest crops for the border loss, in pixels: the strips of opposite sides do not overlap."""
ECHO_SIDE = 64
"""Smallest crops for the echo loss, in pixels: four times its longest shift, so that half of them is compared."""
WIDER = 2
"""Sides of wide crops, as a multiple of the usual ones; there are a quarter as many of them."""
WIDEST = 1.6
"""The largest part of a photograph that a crop shows, as a multiple of the crop's side."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Settings that every recipe has.

    Raises:
        InputError: a number out of its range.
    """

    content: Annotated[str, option("--content", "Folder of photographs to learn from.", panel=DATA, show_default=False)]
    steps: Annotated[int, option("--steps --max-iter", "Steps of the whole run.", panel=RUN, min=1)] = 40000
    """Length of the cosine schedule."""
    batch: Annotated[int, option("--batch-size", "Photographs per step.", panel=RUN, min=1)] = 4
    size: Annotated[
        int, option("--size", "Side of the square crops, in pixels; a multiple of 8.", panel=RUN, min=32)
    ] = 256
    learning_rate: Annotated[float, option("--learning-rate", panel=RUN)] = 2e-3
    warm_up: int = 200
    """Steps until the learning rate is reached."""
    clip: float = 10.0
    """Largest norm of the gradient."""
    average: float = 0.999
    """Weight of the past in the running average of the weights, which is what is kept in the end."""
    seed: Annotated[int, option("--seed", panel=RUN, min=0)] = 7

    def __post_init__(self) -> None:
        if self.size % MULTIPLE or self.size < 2 * SMALLEST_LEVEL:
            raise InputError(
                f"crops of {self.size} px: take a multiple of {MULTIPLE}, {2 * SMALLEST_LEVEL} or more",
                parameter="size",
            )
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
    """Settings of the recipes that learn from the Gram matrices of paintings (Johnson et al. 2016)."""

    loss_network: Annotated[
        str,
        option(
            "--loss-network",
            "The VGG that judges: torchvision's vgg19 or vgg16 .pth, or an .npz. If left out, the one in torch.hub's "
            "cache (~/.cache/torch/hub/checkpoints).",
            panel=LOSS,
            show_default=False,
        ),
    ]
    close_ups: Annotated[
        float,
        option(
            "--close-ups",
            "Part of the photographs that is shown two to six times enlarged: it teaches how to fill even areas.",
            panel=RUN,
            min=0,
            max=1,
        ),
    ] = 0.0
    wide_crops: Annotated[
        float,
        option(
            "--wide-crops",
            "Part of the steps that have a quarter of the photographs, in crops of twice the side: against rims that "
            "grow with the image. Needs --batch-size 4 or more.",
            panel=RUN,
            min=0,
            max=1,
        ),
    ] = 0.0
    style_layers: Annotated[
        tuple[str, ...], option("--style-layers", "Layers of the style loss, with commas.", panel=LOSS)
    ] = ("relu1_1", "relu2_1", "relu3_1")
    content_layer: Annotated[str, option("--content-layer", "Layer of the content loss.", panel=LOSS)] = "relu3_1"
    scales: Annotated[
        int, option("--scales", "The style loss sees the image at 1, 1/2, 1/4 ...", panel=LOSS, min=1, max=6)
    ] = 3
    style_side: Annotated[
        int,
        option(
            "--style-side",
            "Paintings are brought to this long side, in pixels: larger makes larger strokes.",
            panel=LOSS,
            min=64,
        ),
    ] = 640
    style_weight: Annotated[float, option("--style-weight", panel=LOSS, min=0)] = 10.0
    content_weight: Annotated[float, option("--content-weight", panel=LOSS, min=0)] = 1.0
    calm_weight: Annotated[
        float,
        option(
            "--calm-weight",
            "Against blank walls and skies: no place is to be emptier than the painting's calm ones.",
            panel=LOSS,
            min=0,
        ),
    ] = 0.0
    echo_weight: Annotated[
        float,
        option(
            "--echo-weight",
            "Against weaves in even areas: strokes are not to repeat at multiples of the network's stride.",
            panel=LOSS,
            min=0,
        ),
    ] = 0.0
    border_weight: Annotated[
        float,
        option("--border-weight", "Against frames: grain or another colour along the borders.", panel=LOSS, min=0),
    ] = 0.0
    patch_weight: Annotated[
        float,
        option(
            "--patch-weight",
            "Against even areas that fall apart into patches of different colours, along borders too.",
            panel=LOSS,
            min=0,
        ),
    ] = 0.0
    stability_weight: Annotated[
        float,
        option(
            "--stability-weight",
            "Small shifts, noise and brightness changes must move the output with them: against flicker in video. "
            "0 leaves it out and saves time.",
            panel=LOSS,
            min=0,
        ),
    ] = 20.0
    variation_weight: Annotated[
        float, option("--variation-weight", "Total variation: against grain.", panel=LOSS, min=0)
    ] = 1.0
    range_weight: Annotated[
        float, option("--range-weight", "Against values that a display would clip.", panel=LOSS, min=0)
    ] = 20.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scales < 1 or self.size >> (self.scales - 1) < SMALLEST_LEVEL:
            raise InputError(
                f"{self.scales} scales of crops of {self.size} px: the smallest must keep {SMALLEST_LEVEL} px. "
                "Take larger crops or fewer scales",
                parameter="scales",
            )
        if self.wide_crops and self.batch < WIDER**2:
            raise InputError(
                f"wide crops with batches of {self.batch}: there are a quarter as many of them. Take batches of "
                f"{WIDER**2} or more",
                parameter="batch",
            )
        if self.echo_weight and self.size < ECHO_SIDE:
            raise InputError(f"crops of {self.size} px: the echo loss needs {ECHO_SIDE} or more", parameter="size")
        if self.border_weight and self.size < BORDER_SIDE:
            raise InputError(f"crops of {self.size} px: the border loss needs {BORDER_SIDE} or more", parameter="size")

    @property
    def photograph_side(self) -> int:
        """Short side of photographs that is enough for every crop; smaller ones are enlarged for crops that need it."""
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
    steps: Annotated[int, option("--steps --max-iter", "Steps of the whole run.", panel=RUN, min=1)] = 4000
    learning_rate: Annotated[float, option("--learning-rate", panel=RUN)] = 1e-3
    widths: Annotated[
        tuple[int, int, int], option("--widths", "Channels at full, half and quarter size.", panel=RUN)
    ] = (32, 64, 128)
    blocks: Annotated[int, option("--blocks", "Residual blocks.", panel=RUN, min=0)] = 5


@dataclass(frozen=True, kw_only=True)
class ConditionalSettings(PerceptualSettings):
    """Named styles, and with a folder of paintings any style, in one conditional network."""

    styles: dict[str, str] = field(default_factory=dict)
    """Files of the paintings by the style's name."""
    style_sides: dict[str, int] = field(default_factory=dict)
    """Long sides of paintings that are brought to another one than `style_side`, by the style's name."""
    steps: Annotated[int, option("--steps --max-iter", "Steps of the whole run.", panel=RUN, min=1)] = 40000
    widths: Annotated[
        dict[str, int],
        option(
            "--widths",
            "Other than the usual channels: quarter=32,eighth=48,half=16,blocks=5.",
            panel=RUN,
            show_default=False,
        ),
    ] = field(default_factory=dict)
    """Arguments of `ConditionalTransformer` other than its defaults."""
    paintings: Annotated[
        str,
        option(
            "--paintings",
            "Folder of paintings: a style encoder learns to read style vectors off any painting.",
            panel=DATA,
            show_default=False,
        ),
    ] = ""
    """Empty: no encoder."""
    painting_share: Annotated[
        float,
        option(
            "--painting-share",
            "Part of a batch whose style comes from the encoder; at least one photograph.",
            panel=RUN,
            min=0,
            max=1,
        ),
    ] = 0.5
    painting_size: Annotated[
        int, option("--painting-size", "Side of the encoder's crops, in pixels.", panel=RUN, min=64)
    ] = 256
    hold_out: Annotated[
        int,
        option(
            "--hold-out",
            "N keeps every Nth painting, by name, out of training, for judging; the contact sheets show some of them. "
            "0 keeps none out.",
            panel=DATA,
            min=0,
        ),
    ] = 0
    photograph_share: Annotated[
        float,
        option(
            "--photograph-share",
            "Part of the encoder's crops that are cut from photographs.",
            panel=RUN,
            min=0,
            max=1,
        ),
    ] = 0.1
    spike_weight: Annotated[
        float,
        option(
            "--spike-weight",
            "Against huge values in single places, which show as glowing blobs.",
            panel=LOSS,
            min=0,
        ),
    ] = 1.0
    brush_weight: Annotated[
        float,
        option(
            "--brush-weight",
            "Against strokes of one direction: in even areas they are to follow the flow of the network's noise, "
            "unless the painting's form a grid.",
            panel=LOSS,
            min=0,
        ),
    ] = 0.0
    remaining: Annotated[
        float,
        option(
            "--remaining",
            "Part of the photographs' own style loss (counted as 0.6 at most) that every named style is to end near, "
            "such as 0.05: styles that are hard count more, easy ones less, and keep more of the photograph. 0 weighs "
            "all alike.",
            panel=LOSS,
            min=0,
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.styles and not self.paintings:
            raise InputError("nothing to learn: give named styles, a folder of paintings, or both", parameter="styles")
        if self.styles and self.paintings and self.batch < 2:
            raise InputError(
                "named styles and paintings share a batch: take two photographs per step or more", parameter="batch"
            )
        for share in (self.painting_share, self.photograph_share):
            if not 0 <= share <= 1:
                raise InputError(f"a share of {share:g} is out of range: give a number from 0 to 1")
        if not 0 <= self.remaining < 1:
            raise InputError(f"remaining {self.remaining:g}: give a part, from 0 up to below 1", parameter="remaining")
        if self.remaining and not self.styles:
            raise InputError("remaining is about named styles: give some, or leave it out", parameter="remaining")
        if self.hold_out < 0 or self.hold_out == 1:
            raise InputError(
                "holding out every painting leaves none to learn from: give 2 or more, or 0 for none",
                parameter="hold_out",
            )
        if self.painting_size < 64 or self.painting_size >> (self.scales - 1) < SMALLEST_LEVEL:
            raise InputError(
                f"crops of paintings of {self.painting_size} px are too small: take 64 or more",
                parameter="painting_size",
            )


@dataclass(frozen=True, kw_only=True)
class AdainSettings(RunSettings):
    """A decoder for a fixed encoder, after Huang & Belongie 2017."""

    styles: Annotated[str, option("--styles", "Folder of style images.", panel=DATA, show_default=False)]
    encoder: Annotated[
        str,
        option(
            "--encoder",
            "The normalised VGG (vgg_normalised.pth, or any encoder that `nst-rt export adain` reads); fixed.",
            panel=DATA,
            show_default=False,
        ),
    ]
    cut: Annotated[
        str,
        option(
            "--cut",
            "Where the encoder ends: relu3_1 or relu4_1; if left out, the deepest that the file reaches.",
            panel=RUN,
            show_default=False,
        ),
    ] = ""
    steps: Annotated[int, option("--steps --max-iter", "Steps of the whole run.", panel=RUN, min=1)] = 160000
    batch: Annotated[int, option("--batch-size", "Photographs per step.", panel=RUN, min=1)] = 8
    learning_rate: Annotated[float, option("--learning-rate", panel=RUN)] = 1e-4
    style_weight: Annotated[float, option("--style-weight", panel=LOSS, min=0)] = 10.0
    content_weight: Annotated[float, option("--content-weight", panel=LOSS, min=0)] = 1.0
    stability_weight: Annotated[
        float, option("--stability-weight", "Against flicker in video; 0 leaves it out.", panel=LOSS, min=0)
    ] = 0.0
    variation_weight: Annotated[
        float, option("--variation-weight", "Total variation: against grain.", panel=LOSS, min=0)
    ] = 0.0


@dataclass(frozen=True)
class RunOptions:
    """What does not decide the result of a run."""

    folder: Annotated[
        Path,
        option(
            "--out -o",
            "Folder of the run: checkpoint, weights, record, sheets. The same command line goes on with a run that is "
            "found there.",
            panel=RUN,
            show_default=False,
        ),
    ]
    validation: Annotated[
        Path | None,
        option(
            "--validation",
            "Folder of photographs for the contact sheets; some of --content if left out.",
            panel=DATA,
            show_default=False,
        ),
    ] = None
    start: Annotated[
        Path | None,
        option(
            "--start",
            "Begin with the weights of another run's checkpoint, or of a conditional network's .pt or .onnx file or "
            "name (`conditional` is the built-in one). Styles are taken over by their names.",
            panel=RUN,
            show_default=False,
        ),
    ] = None
    until: Annotated[
        int | None,
        option(
            "--until",
            "Stop after this step, as if interrupted; the schedule stays that of --steps.",
            panel=RUN,
            min=1,
            show_default=False,
        ),
    ] = None
    sheet_every: Annotated[
        int, option("--sheet-every", "Steps between contact sheets; 0 draws none.", panel=RUN, min=0)
    ] = 500
    save_minutes: Annotated[float, option("--save-minutes", "Minutes between checkpoints.", panel=RUN, min=0)] = 3.0
    log_every: int = 20
    """Steps between rows of losses in the record."""
    workers: Annotated[
        int | None,
        option(
            "--workers",
            "Threads that prepare images; 2 on a CPU and up to 16 on CUDA if left out.",
            panel=RUN,
            min=1,
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class HardwareSettings:
    """What a training runs on. It does not decide the result, except for rounding."""

    device: Annotated[str, option("--device -d", "auto (CUDA where there is a device), cpu or cuda.", panel=RUN)] = (
        "auto"
    )
    precision: Annotated[
        str, option("--precision", "auto (bfloat16 where the device has instructions for it), fp32 or bf16.", panel=RUN)
    ] = "auto"
    threads: Annotated[
        int | None,
        option("--threads", "CPU threads of the network; all if left out.", panel=RUN, min=1, show_default=False),
    ] = None
