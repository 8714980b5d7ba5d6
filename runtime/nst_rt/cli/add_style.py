"""`nst-rt add-style` and `nst-rt remove-style`: the user's own styles."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nst_rt.cli.messages import say
from nst_rt.cli.options import JsonOption, ModelOption
from nst_rt.errors import INTERRUPTED, InputError, StyleError
from nst_rt.files.paths import local_path

if TYPE_CHECKING:
    from nst_rt.contract import ModelRecord, StyleVector
    from nst_rt.jobs.tuning import Tuned
    from nst_rt.models.catalog import ModelFiles

RECORD, TUNING = "Record", "Tuning"
"""Panels of the help."""


def register(app: typer.Typer) -> None:
    """Add the commands to `nst-rt`."""
    app.command("add-style")(add_style)
    app.command("remove-style")(remove_style)


def add_style(
    painting: Annotated[
        Path,
        typer.Argument(parser=local_path, metavar="PAINTING", help="An image of the painting.", show_default=False),
    ],
    name: Annotated[str, typer.Option("--name", "-n", help="What --style shall call it.", show_default=False)],
    title: Annotated[str, typer.Option("--title", help="Of the painting.", rich_help_panel=RECORD)] = "",
    artist: Annotated[str, typer.Option("--artist", rich_help_panel=RECORD)] = "",
    year: Annotated[str, typer.Option("--year", rich_help_panel=RECORD)] = "",
    license: Annotated[str, typer.Option("--license", help="Of the image.", rich_help_panel=RECORD)] = "",
    model: ModelOption = None,
    tune: Annotated[
        bool,
        typer.Option(
            "--tune",
            help="Fit the style to the painting for some minutes: closer than what the style encoder reads off at "
            "once, and for models without one. Needs PyTorch, which the extra `export` brings.",
            rich_help_panel=TUNING,
        ),
    ] = False,
    minutes: Annotated[float, typer.Option("--minutes", min=0.01, help="At most.", rich_help_panel=TUNING)] = 5.0,
    photographs: Annotated[
        Path | None,
        typer.Option(
            "--photographs",
            help="Folder of photographs to stylise meanwhile, of the kind that the style is for; drawn images if "
            "left out.",
            show_default=False,
            rich_help_panel=TUNING,
        ),
    ] = None,
    loss_network: Annotated[
        Path | None,
        typer.Option(
            "--loss-network",
            help="The VGG that judges: torchvision's vgg19 or vgg16 .pth; if left out, the one in torch.hub's cache.",
            show_default=False,
            rich_help_panel=TUNING,
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            "--device", "-d", help="auto (CUDA where there is a device), cpu or cuda.", rich_help_panel=TUNING
        ),
    ] = "auto",
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace a style of this name; one that came with the model is hidden, not lost."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a painting a named style of your own: --style NAME, in blends and live too."""
    import datetime

    from nst_rt.media.images.image_reader import read_image
    from nst_rt.models.catalog import BUILT_IN, find_model
    from nst_rt.styles.styles_file import Style
    from nst_rt.styles.user_styles import check_name, save_style

    if not tune and (photographs or loss_network):
        raise InputError("--photographs and --loss-network are for tuning. Add --tune, or leave them out")
    files = find_model(model or BUILT_IN)
    record = _record_with_vectors(files)
    check_name(name, files, overwrite=overwrite)
    read_image(painting)  # a missing one is told before minutes are spent
    tuned = _tuned(files, record, painting, minutes, photographs, loss_network, device) if tune else None
    vector = tuned.vector if tuned else _encoded(files, record, painting, name)
    style = Style(
        name,
        vector.reshape(-1),
        title,
        artist,
        year,
        license,
        training=tuned.training if tuned else "read off the painting by the style encoder",
        date=datetime.date.today().isoformat(),
        painting=str(painting.resolve()),
    )
    path = save_style(style, files, record)
    if tuned:
        _tell(tuned)
    if as_json:
        import json

        closed = {key: round(value, 4) for key, value in tuned.closed.items()} if tuned else {}
        told = {"style": name, "model": files.name, "file": str(path), "training": style.training, "closed": closed}
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        with_model = f" --model {model}" if model else ""
        say(f"added {name} to the styles of {files.name}. Try it: nst-rt image PHOTO{with_model} --style {name}")
    if tuned and not tuned.finished:
        raise typer.Exit(INTERRUPTED)


def remove_style(
    name: Annotated[str, typer.Argument(help="A style that you added.", show_default=False)],
    model: ModelOption = None,
) -> None:
    """Remove a style of your own; those that came with a model stay."""
    from nst_rt.models.catalog import BUILT_IN, find_model
    from nst_rt.styles.styles_file import read_styles
    from nst_rt.styles.user_styles import remove_style as remove

    files = find_model(model or BUILT_IN)
    remove(name, files)
    say(f"removed {name} from your styles of {files.name}")
    if files.styles and name in [style.name for style in read_styles(files.styles)]:
        say(f"--style {name} is the one that came with {files.name} again")


def _record_with_vectors(files: "ModelFiles") -> "ModelRecord":
    from nst_rt.engine.session import read_model

    record = read_model(files.path)
    if record.kind != "stylizer" or not record.style_size:
        what = "has one style baked in" if record.kind == "stylizer" else "is a style encoder, not a stylising model"
        raise StyleError(f"{files.path}: {what}, so it takes no other styles. Give --model one with style vectors")
    return record


def _encoded(files: "ModelFiles", record: "ModelRecord", painting: Path, name: str) -> "StyleVector":
    from nst_rt.styles.style_encoder import StyleEncoder

    encoder = StyleEncoder.beside(files, record)
    if encoder is None:
        raise StyleError(
            f"{files.path.name} has no style encoder beside it, so no style can be read off {painting} at once. "
            f"Add --tune, which fits {name} in minutes, or give a --model that has an encoder"
        )
    return encoder(painting)


def _tuned(
    files: "ModelFiles",
    record: "ModelRecord",
    painting: Path,
    minutes: float,
    photographs: Path | None,
    loss_network: Path | None,
    device: str,
) -> "Tuned":
    from nst_rt.jobs.tuning import load_tuner

    tuner = load_tuner()
    start = _encoded(files, record, painting, "") if files.encoder else _mean_of_named(files)
    if start is not None:
        start = start.reshape(-1)
    model = files.fp32 or files.path
    return tuner(
        model, painting, start, minutes=minutes, photographs=photographs, loss_network=loss_network, device=device
    )


def _mean_of_named(files: "ModelFiles") -> "StyleVector | None":
    import numpy as np

    from nst_rt.styles.styles_file import read_styles

    vectors = [style.vector for style in read_styles(files.styles)] if files.styles else []
    return np.mean(vectors, axis=0, dtype=np.float32) if vectors else None


def _tell(tuned: "Tuned") -> None:
    if not tuned.finished:
        say(f"stopped after {tuned.steps} steps; what they found is kept")
    if tuned.closed:
        before, after = (f"{max(0.0, tuned.closed[key]) * 100:.0f} %" for key in ("before", "after"))
        say(f"style loss closed (the painting itself would be 100 %): {before} before tuning, {after} after")
