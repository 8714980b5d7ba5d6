"""Options that the subcommands of `nst-rt train` share, written once."""

from pathlib import Path
from typing import Annotated

import typer

DATA, RUN, LOSS = "Data", "Run", "Losses"
"""Panels of the help."""

ContentOption = Annotated[
    Path,
    typer.Option("--content", help="Folder of photographs to learn from.", show_default=False, rich_help_panel=DATA),
]
OutOption = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        help="Folder of the run: checkpoint, weights, record, sheets. The same command line goes on with a run that "
        "is found there.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]
ValidationOption = Annotated[
    Path | None,
    typer.Option(
        "--validation",
        help="Folder of photographs for the contact sheets; some of --content if left out.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
LossNetworkOption = Annotated[
    Path | None,
    typer.Option(
        "--loss-network",
        help="The VGG that judges: torchvision's vgg19 or vgg16 .pth, or an .npz. If left out, the one in torch.hub's "
        "cache (~/.cache/torch/hub/checkpoints).",
        show_default=False,
        rich_help_panel=LOSS,
    ),
]
StyleLayersOption = Annotated[
    str,
    typer.Option("--style-layers", help="Layers of the style loss, with commas.", rich_help_panel=LOSS),
]
ContentLayerOption = Annotated[
    str, typer.Option("--content-layer", help="Layer of the content loss.", rich_help_panel=LOSS)
]
ScalesOption = Annotated[
    int,
    typer.Option(
        "--scales", min=1, max=6, help="The style loss sees the image at 1, 1/2, 1/4 ...", rich_help_panel=LOSS
    ),
]
StyleSideOption = Annotated[
    int,
    typer.Option(
        "--style-side",
        min=64,
        help="Paintings are brought to this long side, in pixels: larger makes larger strokes.",
        rich_help_panel=LOSS,
    ),
]
StyleWeightOption = Annotated[float, typer.Option("--style-weight", min=0, rich_help_panel=LOSS)]
ContentWeightOption = Annotated[float, typer.Option("--content-weight", min=0, rich_help_panel=LOSS)]
SpikeWeightOption = Annotated[
    float,
    typer.Option(
        "--spike-weight",
        min=0,
        help="Against huge values in single places, which show as glowing blobs.",
        rich_help_panel=LOSS,
    ),
]
RemainingOption = Annotated[
    float,
    typer.Option(
        "--remaining",
        min=0,
        help="Part of the photographs' own style loss (counted as 0.6 at most) that every named style is to end "
        "near, 0.05 say: styles that are hard count more, easy ones less, and keep more of the photograph. 0 weighs "
        "all alike.",
        rich_help_panel=LOSS,
    ),
]
CalmWeightOption = Annotated[
    float,
    typer.Option(
        "--calm-weight",
        min=0,
        help="Against blank walls and skies: no place is to be emptier than the painting's calm ones.",
        rich_help_panel=LOSS,
    ),
]
EchoWeightOption = Annotated[
    float,
    typer.Option(
        "--echo-weight",
        min=0,
        help="Against weaves in even areas: strokes are not to repeat at multiples of the network's stride.",
        rich_help_panel=LOSS,
    ),
]
BorderWeightOption = Annotated[
    float,
    typer.Option(
        "--border-weight",
        min=0,
        help="Against frames: grain or another colour along the borders.",
        rich_help_panel=LOSS,
    ),
]
PatchWeightOption = Annotated[
    float,
    typer.Option(
        "--patch-weight",
        min=0,
        help="Against even areas that fall apart into patches of different colours, along borders too.",
        rich_help_panel=LOSS,
    ),
]
BrushWeightOption = Annotated[
    float,
    typer.Option(
        "--brush-weight",
        min=0,
        help="Against strokes of one direction: in even areas they are to stream and swirl, as far as the "
        "painting's are no grid.",
        rich_help_panel=LOSS,
    ),
]
CloseUpsOption = Annotated[
    float,
    typer.Option(
        "--close-ups",
        min=0,
        max=1,
        help="Part of the photographs that is shown two to six times enlarged: it teaches how to fill even areas.",
        rich_help_panel=RUN,
    ),
]
WideCropsOption = Annotated[
    float,
    typer.Option(
        "--wide-crops",
        min=0,
        max=1,
        help="Part of the steps that have a quarter of the photographs, in crops of twice the side (smaller "
        "photographs are enlarged): against rims that grow with the image. Needs --batch-size 4 or more.",
        rich_help_panel=RUN,
    ),
]
StabilityWeightOption = Annotated[
    float,
    typer.Option(
        "--stability-weight",
        min=0,
        help="Small shifts, noise and brightness changes must move the output with them: against flicker in video. "
        "0 leaves it out and saves time.",
        rich_help_panel=LOSS,
    ),
]
VariationWeightOption = Annotated[
    float, typer.Option("--variation-weight", min=0, help="Total variation: against grain.", rich_help_panel=LOSS)
]
RangeWeightOption = Annotated[
    float,
    typer.Option("--range-weight", min=0, help="Against values that a display would clip.", rich_help_panel=LOSS),
]
StepsOption = Annotated[
    int, typer.Option("--steps", "--max-iter", min=1, help="Steps of the whole run.", rich_help_panel=RUN)
]
UntilOption = Annotated[
    int | None,
    typer.Option(
        "--until",
        min=1,
        help="Stop after this step, as if interrupted; the schedule stays that of --steps.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]
BatchOption = Annotated[int, typer.Option("--batch-size", min=1, help="Photographs a step.", rich_help_panel=RUN)]
SizeOption = Annotated[
    int,
    typer.Option("--size", min=32, help="Side of the square crops, in pixels; a multiple of 8.", rich_help_panel=RUN),
]
RateOption = Annotated[float, typer.Option("--learning-rate", rich_help_panel=RUN)]
SeedOption = Annotated[int, typer.Option("--seed", min=0, rich_help_panel=RUN)]
StartOption = Annotated[
    Path | None,
    typer.Option(
        "--start",
        help="Begin with the weights of another run's checkpoint, or of a conditional network's .pt or .onnx file or "
        "name (`conditional` is the built-in one). Styles are taken over by their names.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]
DeviceOption = Annotated[
    str, typer.Option("--device", "-d", help="auto (CUDA where there is a device), cpu or cuda.", rich_help_panel=RUN)
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        "--precision",
        help="auto (bfloat16 where the device computes in it by itself), fp32 or bf16.",
        rich_help_panel=RUN,
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads", min=1, help="CPU threads of the network; all if left out.", show_default=False, rich_help_panel=RUN
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Threads that prepare images; 2 on a CPU and up to 16 on CUDA if left out.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]
SheetOption = Annotated[
    int, typer.Option("--sheet-every", min=0, help="Steps between contact sheets; 0 draws none.", rich_help_panel=RUN)
]
SaveOption = Annotated[
    float, typer.Option("--save-minutes", min=0, help="Minutes between checkpoints.", rich_help_panel=RUN)
]
