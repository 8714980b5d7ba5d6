"""`nst-rt train`: networks out of photographs and paintings."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from nst_export.pytorch import require_torch
from nst_rt.cli.option_fields import Command, Given, option, option_fields
from nst_rt.errors import INTERRUPTED, ModelError, StyleError

from nst_train.settings import (
    DATA,
    AdainSettings,
    ConditionalSettings,
    HardwareSettings,
    RunOptions,
    RunSettings,
    TransformerSettings,
)

app = typer.Typer(
    name="train",
    help="Train networks: one painting, many styles, or any style. Runs on a CPU and on CUDA, stops at Ctrl-C, and "
    "goes on exactly where it stopped when the same command is given again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def recipe_options(
    kind: type[RunSettings], given: Mapping[str, Given] | None = None, *, sheet_every: int = 500
) -> Callable[[Command], Command]:
    """Give a command the options of a recipe: its settings as `values`, how it runs as `run` and `hardware`.

    Args:
        given: settings that the command line gives in another form.
        sheet_every: the default of steps between contact sheets.
    """
    required = Given(Path, ..., str)
    forms: dict[str, Given] = {name: required for name in ("content", "encoder") if name in kind.__dataclass_fields__}
    steps = Given(int, sheet_every, int)

    def decorate(command: Command) -> Command:
        decorated = option_fields(HardwareSettings, parameter="hardware")(command)
        decorated = option_fields(RunOptions, parameter="run", given={"sheet_every": steps})(decorated)
        return option_fields(kind, parameter="values", make=dict, given={**forms, **(given or {})})(decorated)

    return decorate


def _loss_network(path: Path | None) -> str:
    require_torch("training")
    from nst_train.perceptual.loss_network import find_loss_network

    return str(find_loss_network(path))


def _layers(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str) -> dict[str, int]:
    """`quarter=32,eighth=48` as numbers by name."""
    try:
        return {name.strip(): int(value) for name, value in (part.split("=") for part in text.split(",") if part)}
    except ValueError as error:
        raise ModelError(f"--widths {text}: write quarter=32,eighth=48,half=16,blocks=5") from error


def _three(text: str) -> tuple[int, int, int]:
    try:
        full, half, quarter = (int(part) for part in text.split(","))
    except ValueError as error:
        raise ModelError(f"--widths {text}: write three numbers with commas, like 32,64,128") from error
    if min(full, half, quarter) < 1:
        raise ModelError(f"--widths {text}: channels are 1 or more")
    return full, half, quarter


PERCEPTUAL = {
    "loss_network": Given(Path | None, None, _loss_network),
    "style_layers": Given(str, ",".join(TransformerSettings.style_layers), _layers),
}
"""Settings of a loss network in the command line's form."""


@app.command()
@recipe_options(TransformerSettings, {**PERCEPTUAL, "widths": Given(str, "32,64,128", _three)})
def transformer(
    style: Annotated[
        list[str],
        option(
            "--style -s",
            "A painting, or NAME=PAINTING. Given several times, one network is trained after the other, each in a "
            "folder of its own in --out; for many styles in one network see `train conditional`.",
            panel=DATA,
            show_default=False,
        ),
    ],
    values: dict[str, Any],
    run: RunOptions,
    hardware: HardwareSettings,
) -> None:
    """One painting into a transformer network (Johnson et al. 2016).

    Leaves transformer.pth, a fast_neural_style state dict that `nst-rt export transformer` takes as it is.
    """
    session = _Session(run, hardware)
    from nst_train.recipes.transformer import TransformerRecipe

    chosen = _named_paintings(style)
    for name, painting in chosen.items():
        settings = TransformerSettings(**values, style=str(painting))
        recipe = TransformerRecipe(settings, session.hardware, session.reporter.note)
        session.train(recipe, run.folder / name if len(chosen) > 1 else run.folder)


@app.command()
@recipe_options(
    ConditionalSettings,
    {
        **PERCEPTUAL,
        "widths": Given(str, "", _numbers),
        "paintings": Given(Path | None, None, lambda path: str(path or "")),
    },
)
def conditional(
    values: dict[str, Any],
    run: RunOptions,
    hardware: HardwareSettings,
    style: Annotated[
        list[str] | None,
        option(
            "--style -s",
            "A named style, NAME=PAINTING; give as many as there are.",
            panel=DATA,
            show_default=False,
        ),
    ] = None,
    named: Annotated[
        Path | None,
        option(
            "--named",
            "Folder with paintings of --table: each of them that is there becomes a named style.",
            panel=DATA,
            show_default=False,
        ),
    ] = None,
    table: Annotated[
        Path | None,
        option(
            "--table",
            "Records of the paintings behind named styles (TOML: file, title, artist, year, license); those of the "
            "built-in styles if left out.",
            panel=DATA,
            show_default=False,
        ),
    ] = None,
    validation_paintings: Annotated[
        Path | None,
        option(
            "--validation-paintings",
            "Folder of paintings that the contact sheets show through the encoder; if left out, those held out, or "
            "some of --paintings.",
            panel=DATA,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Many named styles in one network (Dumoulin et al. 2017), and with --paintings any style (Ghiasi et al. 2017).

    Leaves conditional.pt: the network, the named vectors and the style encoder.
    """
    session = _Session(run, hardware)
    from nst_export.model_files.named_styles import BUILT_IN, paintings_in, read_named_styles, record_of

    from nst_train.recipes.conditional import ConditionalRecipe

    records = read_named_styles(table or BUILT_IN)
    styles = (paintings_in(named, records) if named else {}) | _named_paintings(style or [])
    scales = {name: record_of(name, path, records).scale for name, path in styles.items()}
    settings = ConditionalSettings(
        **values,
        styles={name: str(path) for name, path in styles.items()},
        style_sides={name: round(scale * values["style_side"]) for name, scale in scales.items() if scale != 1},
    )
    recipe = ConditionalRecipe(settings, session.hardware, session.reporter.note, records, validation_paintings)
    session.train(recipe, run.folder)


@app.command()
@recipe_options(AdainSettings, {"styles": Given(Path, ..., str)}, sheet_every=1000)
def adain(values: dict[str, Any], run: RunOptions, hardware: HardwareSettings) -> None:
    """A decoder for a fixed encoder: any style by its channel statistics (Huang & Belongie 2017).

    Leaves decoder.pth, which `nst-rt export adain` takes together with the encoder's file.
    """
    session = _Session(run, hardware)
    from nst_train.recipes.adain import AdainRecipe

    recipe = AdainRecipe(AdainSettings(**values), session.hardware, session.reporter.note)
    session.train(recipe, run.folder)


class _Session:
    """What a command trains on, and how it reports."""

    def __init__(self, options: RunOptions, hardware: HardwareSettings) -> None:
        require_torch("training", hardware.threads)
        from nst_train.loop.hardware import choose_hardware
        from nst_train.loop.progress import choose_reporter

        self.hardware, self.reporter = choose_hardware(hardware.device, hardware.precision), choose_reporter()
        self._options = options

    def train(self, recipe: Any, folder: Path) -> None:
        """Train a recipe in a folder; ends the command if it is interrupted."""
        from nst_train.data.images import list_images
        from nst_train.loop.training_run import Run

        count = len(list_images(Path(recipe.settings.content)))
        photographs = "1 photograph" if count == 1 else f"{count} photographs"
        self.reporter.note(f"training on {self.hardware.name}, from {photographs}; Ctrl-C saves and stops")
        # A CPU that trains has few threads to spare, a GPU waits for all that there are.
        usual = 2 if self.hardware.device.type == "cpu" else min(16, os.cpu_count() or 2)
        options = replace(self._options, folder=folder, workers=self._options.workers or usual)
        result = Run(recipe, options, self.reporter).train()
        for path in result.weights:
            self.reporter.note(f"wrote {path}")
        if not result.finished:
            self.reporter.note(f"stopped after step {result.step}; the same command goes on from there")
            raise typer.Exit(INTERRUPTED)


def _named_paintings(values: list[str]) -> dict[str, Path]:
    """NAME=PAINTING, or a painting alone, which is called after its file."""
    found: dict[str, Path] = {}
    for value in values:
        name, _, path = value.partition("=") if "=" in value and not Path(value).is_file() else ("", "", value)
        painting = Path(path)
        name = (name or painting.stem).strip()
        if not name or not path:
            raise StyleError(f"--style {value}: write NAME=PAINTING")
        if name in found:
            raise StyleError(f"--style {value}: {name!r} is there twice. Give every style a name of its own")
        found[name] = painting
    return found
