"""`nst-rt add-style` and `nst-rt remove-style`: the user's own styles."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nst_rt.cli.messages import say
from nst_rt.cli.option_fields import option
from nst_rt.cli.options import JsonOption, stylizer_options
from nst_rt.errors import INTERRUPTED, InputError
from nst_rt.files.paths import local_path
from nst_rt.jobs.stylizer_options import StylizerOptions

if TYPE_CHECKING:
    from nst_rt.jobs.tuning import Tuned

RECORD, TUNING = "Record", "Tuning"
"""Panels of the help."""


def register(app: typer.Typer) -> None:
    """Add the commands to `nst-rt`."""
    app.command("add-style")(add_style)
    app.command("remove-style")(remove_style)


@stylizer_options("model")
def add_style(
    painting: Annotated[
        Path,
        typer.Argument(parser=local_path, metavar="PAINTING", help="An image of the painting.", show_default=False),
    ],
    name: Annotated[str, option("--name -n", "What --style shall call it.")],
    options: StylizerOptions,
    title: Annotated[str, option("--title", "Of the painting.", panel=RECORD)] = "",
    artist: Annotated[str, option("--artist", panel=RECORD)] = "",
    year: Annotated[str, option("--year", panel=RECORD)] = "",
    license: Annotated[str, option("--license", "Of the image.", panel=RECORD)] = "",
    tune: Annotated[
        bool,
        option(
            "--tune",
            "Fit the style to the painting for some minutes: closer than what the style encoder reads off at "
            "once, and for models without one. Needs PyTorch, which the extra `export` brings.",
            panel=TUNING,
        ),
    ] = False,
    minutes: Annotated[float, option("--minutes", "At most.", panel=TUNING, min=0.01)] = 5.0,
    photographs: Annotated[
        Path | None,
        option(
            "--photographs",
            "Folder of photographs that are stylised during the fit, of the kind that the style is for; drawn "
            "images if left out.",
            panel=TUNING,
        ),
    ] = None,
    loss_network: Annotated[
        Path | None,
        option(
            "--loss-network",
            "The VGG that judges: torchvision's vgg19 or vgg16 .pth; if left out, the one in torch.hub's cache.",
            panel=TUNING,
        ),
    ] = None,
    device: Annotated[
        str, option("--device -d", "auto (CUDA where there is a device), cpu or cuda.", panel=TUNING)
    ] = "auto",
    overwrite: Annotated[
        bool, option("--overwrite", "Replace a style of this name; one that came with the model is hidden, not lost.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a painting a named style of your own: --style NAME, in blends and live too."""
    from nst_rt.jobs import named_styles
    from nst_rt.jobs.tuning import TuningOptions

    if not tune and (photographs or loss_network):
        raise InputError("--photographs and --loss-network are for tuning. Add --tune, or leave them out")
    tuning = TuningOptions(minutes=minutes, photographs=photographs, loss_network=loss_network, device=device)
    added = named_styles.add_style(
        painting,
        name,
        title=title,
        artist=artist,
        year=year,
        license=license,
        model=options.model,
        tuning=tuning if tune else None,
        overwrite=overwrite,
    )
    if added.tuned:
        _tell(added.tuned)
    if as_json:
        typer.echo(json.dumps(added.to_json(), ensure_ascii=False))
    else:
        with_model = f" --model {options.model}" if options.model else ""
        say(f"added {name} to the styles of {added.model}. Try it: nst-rt image PHOTO{with_model} --style {name}")
    if added.tuned and not added.tuned.finished:
        raise typer.Exit(INTERRUPTED)


@stylizer_options("model")
def remove_style(
    name: Annotated[str, typer.Argument(help="A style that you added.", show_default=False)], options: StylizerOptions
) -> None:
    """Remove a style of your own; those that came with a model stay."""
    from nst_rt.jobs import named_styles

    removed = named_styles.remove_style(name, options.model)
    say(f"removed {name} from your styles of {removed.model}")
    if removed.uncovered:
        say(f"--style {name} is the one that came with {removed.model} again")


def _tell(tuned: "Tuned") -> None:
    if not tuned.finished:
        say(f"stopped after {tuned.steps} steps; what they found is kept")
    if tuned.closed:
        before, after = (f"{max(0.0, tuned.closed[key]) * 100:.0f} %" for key in ("before", "after"))
        say(f"style loss closed (the painting itself would be 100 %): {before} before tuning, {after} after")
