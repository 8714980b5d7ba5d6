"""Options that several subcommands share, written once."""

from pathlib import Path
from typing import Annotated

import typer

from nst_rt.errors import StyleError

_STYLE = typer.Option(
    "--style",
    "-s",
    help="A style's name (`nst-rt styles`), a blend gogh:0.7+wave:0.3, a painting, or a model.onnx.",
    show_default=False,
)
StyleOption = Annotated[str | None, _STYLE]
OneStyleOption = Annotated[list[str] | None, _STYLE]
"""For `one_style`: of an option that is no list the last value would silently win."""
StylesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--style",
        "-s",
        help="A style's name (`nst-rt styles`), a blend gogh:0.7+wave:0.3, a painting, or a model.onnx; may be given "
        "several times, for a result in each.",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", "-m", help="A model's name or .onnx file; the built-in network if left out."),
]
DeviceOption = Annotated[
    str,
    typer.Option("--device", "-d", help="auto, cpu, cuda[:N], tensorrt[:N] or openvino. A named device is a demand."),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        "--precision",
        help="auto (fp32 on a CPU, fp16 on a GPU), fp32, fp16, int8 (CPU, faster, "
        "coarser), or bf16 (OpenVINO, faster, coarser).",
    ),
]
StrengthOption = Annotated[
    float, typer.Option("--strength", help="0 is the photograph, 1 the full style.", show_default=True)
]
ColorOption = Annotated[
    float, typer.Option("--color", help="1 takes the style's colours, 0 keeps the photograph's.", show_default=True)
]
StrokeSizeOption = Annotated[
    float,
    typer.Option(
        "--stroke-size",
        metavar="TIMES",
        help="Strokes so many times as large, from 0.25 to 8: 2 suits HD, and leaves a quarter of the pixels to paint.",
        show_default=True,
    ),
]
MatchColorsOption = Annotated[
    str,
    typer.Option(
        "--match-colors",
        metavar="none|cholesky|analogies",
        help="Give a painting the photograph's colours before its style is taken; of a video or a camera the first "
        "image's.",
        show_default=True,
    ),
]
MaskOption = Annotated[
    Path | None,
    typer.Option(
        "--mask",
        metavar="FILE",
        show_default=False,
        help="An image that says where the style goes: white inside, black outside, or labels for --regions.",
    ),
]
OutsideOption = Annotated[
    str | None,
    typer.Option(
        "--outside", metavar="STYLE", show_default=False, help="Outside the mask: a style, or none (if left out)."
    ),
]
RegionsOption = Annotated[
    str | None,
    typer.Option(
        "--regions",
        metavar="TEXT",
        show_default=False,
        help="Styles by the mask's grey levels or colours: 0=gogh, 128=wave, #ff0000=monet, other=none.",
    ),
]
FeatherOption = Annotated[
    float | None,
    typer.Option(
        "--feather", min=0, metavar="PX", show_default=False, help="Width of the soft edges; 2 % of the short side."
    ),
]
TimelineOption = Annotated[
    str | None,
    typer.Option(
        "--timeline",
        metavar="TEXT",
        show_default=False,
        help="Styles by time, in place of --style: 0s gogh, 5s wave, 1m20s gogh:0.5+monet:0.5, fade 1s, loop 2m.",
    ),
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="CPU threads of the network; all physical cores if left out.")
]
InFlightOption = Annotated[
    int | None,
    typer.Option(
        "--in-flight",
        min=1,
        metavar="N",
        show_default=False,
        help="Frames in work at once, the threads divided among them: more a second for more memory, the same result. "
        "Left out: on a processor one a core, as far as together they have no more pixels than one of 4K; of a folder "
        "with no more images than cores, and on other devices, one.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout; messages go to stderr.")]


def one_style(given: list[str] | None) -> str | None:
    """The style of a command that works in one.

    Raises:
        StyleError: several were given.
    """
    styles = list(dict.fromkeys(given or []))
    if len(styles) > 1:
        raise StyleError(
            f"{len(styles)} styles ({', '.join(styles)}), and this command works in one. Give one --style, or a blend "
            "such as gogh:0.5+wave:0.5; `nst-rt image` takes several"
        )
    return styles[0] if styles else None
