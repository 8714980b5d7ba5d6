"""The options that several commands have: flags and help of the fields of `StylizerOptions`, and some others."""

from collections.abc import Callable, Sequence
from typing import Annotated

from typer.models import OptionInfo

from nst_rt.cli.option_fields import Command, Given, option, option_fields
from nst_rt.errors import StyleError
from nst_rt.jobs.stylizer_options import StylizerOptions

STYLE_HELP = "A style's name (`nst-rt styles`), a blend gogh:0.7+wave:0.3, a painting, or a model.onnx."

OPTIONS: dict[str, OptionInfo] = {
    "style": option("--style -s", STYLE_HELP, show_default=False),
    "model": option("--model -m", "A model's name or .onnx file; the built-in network if left out."),
    "strength": option("--strength", "0 is the photograph, 1 the full style."),
    "color": option("--color", "1 takes the style's colours, 0 keeps the photograph's."),
    "stroke_size": option(
        "--stroke-size",
        "Size of the strokes, from 0.25 to 8 times the usual one: 2 suits HD, and leaves a quarter of the pixels "
        "to paint.",
        metavar="TIMES",
    ),
    "match_colors": option(
        "--match-colors",
        "Give a painting the photograph's colours before its style is taken; of a video or a camera the first image's.",
        metavar="none|cholesky|analogies",
    ),
    "timeline": option(
        "--timeline",
        "Styles by time, in place of --style: 0s gogh, 5s wave, 1m20s gogh:0.5+monet:0.5, fade 1s, loop 2m.",
        metavar="TEXT",
        show_default=False,
    ),
    "mask": option(
        "--mask",
        "An image that says where the style goes: white inside, black outside, or labels for --regions.",
        metavar="FILE",
        show_default=False,
    ),
    "outside": option(
        "--outside", "Outside the mask: a style, or none (if left out).", metavar="STYLE", show_default=False
    ),
    "regions": option(
        "--regions",
        "Styles by the mask's grey levels or colours: 0=gogh, 128=wave, #ff0000=monet, other=none.",
        metavar="TEXT",
        show_default=False,
    ),
    "feather": option(
        "--feather", "Width of the soft edges; 2 % of the short side.", min=0, metavar="PX", show_default=False
    ),
    "device": option("--device -d", "auto, cpu, cuda[:N], tensorrt[:N] or openvino. A named device is a demand."),
    "precision": option(
        "--precision",
        "auto (fp32 on a CPU, fp16 on a GPU), fp32, fp16, int8 (CPU, faster, coarser), or bf16 (OpenVINO, "
        "faster, coarser).",
    ),
    "threads": option("--threads", "CPU threads of the network; all physical cores if left out.", min=1),
    "in_flight": option(
        "--in-flight",
        "Frames that are stylised at once, with the threads divided among them: more frames a second for more "
        "memory, and the same result. If left out: on a CPU one for each core, but together no more pixels than one "
        "frame of 4K has; one on other devices, and for a folder with no more images than cores.",
        min=1,
        metavar="N",
        show_default=False,
    ),
}
"""Flags and help of the fields of `StylizerOptions`; types and defaults are declared there."""

LOOK = ("strength", "color", "stroke_size")
MASK = ("mask", "outside", "regions", "feather")
RUNNING = ("device", "precision", "threads")
"""Names of options that commands take together."""

StylesOption = Annotated[
    list[str] | None,
    option("--style -s", f"{STYLE_HELP[:-1]}; may be given several times, for a result in each.", show_default=False),
]
OverwriteOption = Annotated[bool, option("--overwrite", "Replace files that exist.")]
JsonOption = Annotated[bool, option("--json", "Print one JSON object to stdout; messages go to stderr.")]


def output_option(help: str, metavar: str = "FILE") -> OptionInfo:
    """`--output`: where a command writes its result."""
    return option("--output -o", help, metavar=metavar, show_default=False)


def loss_network_option(help: str, panel: str | None = None) -> OptionInfo:
    """`--loss-network`: the VGG that judges."""
    return option("--loss-network --weights", help, panel=panel, metavar="FILE|vgg19|vgg16", show_default=False)


def stylizer_options(*names: str) -> Callable[[Command], Command]:
    """Give a command options for fields of `StylizerOptions`, in the place of its parameter `options`.

    Args:
        names: of the fields; the others keep their defaults.

    Examples:
        >>> @stylizer_options("style", *RUNNING)
        ... def command(options: StylizerOptions) -> None:
        ...     print(options)
    """
    # Of a --style that is no list the last value would silently win.
    given = {"style": Given(list[str] | None, None, _one_style)}
    return option_fields(StylizerOptions, OPTIONS, names, given=given)


def _one_style(given: Sequence[str] | None) -> str | None:
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
