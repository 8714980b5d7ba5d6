"""`nst-rt train`: networks out of photographs and paintings."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from nst_export.pytorch import require_torch
from nst_rt.errors import INTERRUPTED

from nst_train import train_options as options

if TYPE_CHECKING:
    from nst_train.loop.hardware import Hardware
    from nst_train.loop.progress import Reporter
    from nst_train.loop.training_run import RunOptions
    from nst_train.recipes.recipe import Recipe

app = typer.Typer(
    name="train",
    help="Train networks: one painting, many styles, or any style. Runs on a CPU and on CUDA, stops at Ctrl-C, and "
    "goes on exactly where it stopped when the same command is given again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def transformer(
    content: options.ContentOption,
    style: Annotated[
        list[str],
        typer.Option(
            "--style",
            "-s",
            help="A painting, or NAME=PAINTING. Given several times, one network is trained after the other, each in "
            "a folder of its own in --out; for many styles in one network see `train conditional`.",
            show_default=False,
            rich_help_panel=options.DATA,
        ),
    ],
    out: options.OutOption,
    validation: options.ValidationOption = None,
    loss_network: options.LossNetworkOption = None,
    widths: Annotated[
        str, typer.Option("--widths", help="Channels at full, half and quarter size.", rich_help_panel=options.RUN)
    ] = "32,64,128",
    blocks: Annotated[int, typer.Option("--blocks", min=0, help="Residual blocks.", rich_help_panel=options.RUN)] = 5,
    steps: options.StepsOption = 4000,
    batch: options.BatchOption = 4,
    size: options.SizeOption = 256,
    close_ups: options.CloseUpsOption = 0.0,
    wide_crops: options.WideCropsOption = 0.0,
    learning_rate: options.RateOption = 1e-3,
    style_layers: options.StyleLayersOption = "relu1_1,relu2_1,relu3_1",
    content_layer: options.ContentLayerOption = "relu3_1",
    scales: options.ScalesOption = 3,
    style_side: options.StyleSideOption = 640,
    style_weight: options.StyleWeightOption = 10.0,
    content_weight: options.ContentWeightOption = 1.0,
    calm_weight: options.CalmWeightOption = 0.0,
    echo_weight: options.EchoWeightOption = 0.0,
    border_weight: options.BorderWeightOption = 0.0,
    patch_weight: options.PatchWeightOption = 0.0,
    stability_weight: options.StabilityWeightOption = 20.0,
    variation_weight: options.VariationWeightOption = 1.0,
    range_weight: options.RangeWeightOption = 20.0,
    seed: options.SeedOption = 7,
    start: options.StartOption = None,
    until: options.UntilOption = None,
    sheet_every: options.SheetOption = 500,
    save_minutes: options.SaveOption = 3.0,
    device: options.DeviceOption = "auto",
    precision: options.PrecisionOption = "auto",
    threads: options.ThreadsOption = None,
    workers: options.WorkersOption = None,
) -> None:
    """One painting into a transformer network (Johnson et al. 2016).

    Leaves transformer.pth, a fast_neural_style state dict that `nst-rt export transformer` takes as it is.
    """
    with _session(device, precision, threads) as session:
        from nst_train.perceptual.loss_network import find_loss_network
        from nst_train.recipes.settings import TransformerSettings
        from nst_train.recipes.transformer import TransformerRecipe

        chosen = _named_paintings(style)
        for name, painting in chosen.items():
            settings = TransformerSettings(
                content=str(content),
                style=str(painting),
                loss_network=str(find_loss_network(loss_network)),
                widths=_three(widths),
                blocks=blocks,
                steps=steps,
                batch=batch,
                size=size,
                learning_rate=learning_rate,
                style_layers=_layers(style_layers),
                content_layer=content_layer,
                scales=scales,
                style_side=style_side,
                style_weight=style_weight,
                content_weight=content_weight,
                calm_weight=calm_weight,
                echo_weight=echo_weight,
                border_weight=border_weight,
                patch_weight=patch_weight,
                close_ups=close_ups,
                wide_crops=wide_crops,
                stability_weight=stability_weight,
                variation_weight=variation_weight,
                range_weight=range_weight,
                seed=seed,
            )
            folder = out / name if len(chosen) > 1 else out
            recipe = TransformerRecipe(settings, session.hardware, session.reporter.note)
            session.train(
                recipe,
                _run_options(folder, validation, start, until, sheet_every, save_minutes, session.workers(workers)),
            )


@app.command()
def conditional(
    content: options.ContentOption,
    out: options.OutOption,
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            "-s",
            help="A named style, NAME=PAINTING; give as many as there are.",
            show_default=False,
            rich_help_panel=options.DATA,
        ),
    ] = None,
    named: Annotated[
        Path | None,
        typer.Option(
            "--named",
            help="Folder with paintings of --table: each of them that is there becomes a named style.",
            show_default=False,
            rich_help_panel=options.DATA,
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            help="Records of the paintings behind named styles (TOML: file, title, artist, year, license); those of "
            "the built-in styles if left out.",
            show_default=False,
            rich_help_panel=options.DATA,
        ),
    ] = None,
    paintings: Annotated[
        Path | None,
        typer.Option(
            "--paintings",
            help="Folder of paintings: a style encoder learns to read style vectors off any painting.",
            show_default=False,
            rich_help_panel=options.DATA,
        ),
    ] = None,
    validation: options.ValidationOption = None,
    validation_paintings: Annotated[
        Path | None,
        typer.Option(
            "--validation-paintings",
            help="Folder of paintings that the contact sheets show through the encoder; if left out, those held "
            "out, or some of --paintings.",
            show_default=False,
            rich_help_panel=options.DATA,
        ),
    ] = None,
    painting_share: Annotated[
        float,
        typer.Option(
            "--painting-share",
            min=0,
            max=1,
            help="Part of a batch whose style comes from the encoder; at least one photograph.",
            rich_help_panel=options.RUN,
        ),
    ] = 0.5,
    painting_size: Annotated[
        int,
        typer.Option(
            "--painting-size", min=64, help="Side of the encoder's crops, in pixels.", rich_help_panel=options.RUN
        ),
    ] = 256,
    hold_out: Annotated[
        int,
        typer.Option(
            "--hold-out",
            min=0,
            help="Keep every so many-th painting, by name, out of training, for judging; the contact sheets show some "
            "of them. 0 keeps none out.",
            rich_help_panel=options.DATA,
        ),
    ] = 0,
    photograph_share: Annotated[
        float,
        typer.Option(
            "--photograph-share",
            min=0,
            max=1,
            help="Part of the encoder's crops that are cut from photographs.",
            rich_help_panel=options.RUN,
        ),
    ] = 0.1,
    widths: Annotated[
        str,
        typer.Option(
            "--widths",
            help="Other than the usual channels: quarter=32,eighth=48,half=16,blocks=5.",
            show_default=False,
            rich_help_panel=options.RUN,
        ),
    ] = "",
    loss_network: options.LossNetworkOption = None,
    steps: options.StepsOption = 40000,
    batch: options.BatchOption = 4,
    size: options.SizeOption = 256,
    close_ups: options.CloseUpsOption = 0.0,
    wide_crops: options.WideCropsOption = 0.0,
    learning_rate: options.RateOption = 2e-3,
    style_layers: options.StyleLayersOption = "relu1_1,relu2_1,relu3_1",
    content_layer: options.ContentLayerOption = "relu3_1",
    scales: options.ScalesOption = 3,
    style_side: options.StyleSideOption = 640,
    style_weight: options.StyleWeightOption = 10.0,
    content_weight: options.ContentWeightOption = 1.0,
    calm_weight: options.CalmWeightOption = 0.0,
    echo_weight: options.EchoWeightOption = 0.0,
    border_weight: options.BorderWeightOption = 0.0,
    patch_weight: options.PatchWeightOption = 0.0,
    brush_weight: options.BrushWeightOption = 0.0,
    stability_weight: options.StabilityWeightOption = 20.0,
    variation_weight: options.VariationWeightOption = 1.0,
    range_weight: options.RangeWeightOption = 20.0,
    spike_weight: options.SpikeWeightOption = 1.0,
    remaining: options.RemainingOption = 0.0,
    seed: options.SeedOption = 7,
    start: options.StartOption = None,
    until: options.UntilOption = None,
    sheet_every: options.SheetOption = 500,
    save_minutes: options.SaveOption = 3.0,
    device: options.DeviceOption = "auto",
    precision: options.PrecisionOption = "auto",
    threads: options.ThreadsOption = None,
    workers: options.WorkersOption = None,
) -> None:
    """Many named styles in one network (Dumoulin et al. 2017), and with --paintings any style (Ghiasi et al. 2017).

    Leaves conditional.pt: the network, the named vectors and the style encoder.
    """
    with _session(device, precision, threads) as session:
        from nst_export.model_files.named_styles import BUILT_IN, paintings_in, read_named_styles, record_of

        from nst_train.perceptual.loss_network import find_loss_network
        from nst_train.recipes.conditional import ConditionalRecipe
        from nst_train.recipes.settings import ConditionalSettings

        records = read_named_styles(table or BUILT_IN)
        styles = (paintings_in(named, records) if named else {}) | _named_paintings(style or [])
        known = {name: record_of(name, path, records) for name, path in styles.items()}
        settings = ConditionalSettings(
            content=str(content),
            styles={name: str(path) for name, path in styles.items()},
            style_sides={name: round(one.scale * style_side) for name, one in known.items() if one.scale != 1},
            widths=_numbers(widths),
            paintings=str(paintings) if paintings else "",
            painting_share=painting_share,
            painting_size=painting_size,
            hold_out=hold_out,
            photograph_share=photograph_share,
            loss_network=str(find_loss_network(loss_network)),
            steps=steps,
            batch=batch,
            size=size,
            learning_rate=learning_rate,
            style_layers=_layers(style_layers),
            content_layer=content_layer,
            scales=scales,
            style_side=style_side,
            style_weight=style_weight,
            content_weight=content_weight,
            calm_weight=calm_weight,
            echo_weight=echo_weight,
            border_weight=border_weight,
            patch_weight=patch_weight,
            brush_weight=brush_weight,
            close_ups=close_ups,
            wide_crops=wide_crops,
            stability_weight=stability_weight,
            variation_weight=variation_weight,
            range_weight=range_weight,
            spike_weight=spike_weight,
            remaining=remaining,
            seed=seed,
        )
        recipe = ConditionalRecipe(settings, session.hardware, session.reporter.note, records, validation_paintings)
        session.train(
            recipe, _run_options(out, validation, start, until, sheet_every, save_minutes, session.workers(workers))
        )


@app.command()
def adain(
    content: options.ContentOption,
    styles: Annotated[
        Path,
        typer.Option("--styles", help="Folder of style images.", show_default=False, rich_help_panel=options.DATA),
    ],
    encoder: Annotated[
        Path,
        typer.Option(
            "--encoder",
            help="The normalised VGG (vgg_normalised.pth, or any encoder that `nst-rt export adain` reads); fixed.",
            show_default=False,
            rich_help_panel=options.DATA,
        ),
    ],
    out: options.OutOption,
    validation: options.ValidationOption = None,
    cut: Annotated[
        str,
        typer.Option(
            "--cut",
            help="Where the encoder ends: relu3_1 or relu4_1; if left out, the deepest that the file reaches.",
            show_default=False,
            rich_help_panel=options.RUN,
        ),
    ] = "",
    steps: options.StepsOption = 160000,
    batch: options.BatchOption = 8,
    size: options.SizeOption = 256,
    learning_rate: options.RateOption = 1e-4,
    style_weight: options.StyleWeightOption = 10.0,
    content_weight: options.ContentWeightOption = 1.0,
    stability_weight: options.StabilityWeightOption = 0.0,
    variation_weight: options.VariationWeightOption = 0.0,
    seed: options.SeedOption = 7,
    start: options.StartOption = None,
    until: options.UntilOption = None,
    sheet_every: options.SheetOption = 1000,
    save_minutes: options.SaveOption = 3.0,
    device: options.DeviceOption = "auto",
    precision: options.PrecisionOption = "auto",
    threads: options.ThreadsOption = None,
    workers: options.WorkersOption = None,
) -> None:
    """A decoder for a fixed encoder: any style by its channel statistics (Huang & Belongie 2017).

    Leaves decoder.pth, which `nst-rt export adain` takes together with the encoder's file.
    """
    with _session(device, precision, threads) as session:
        from nst_train.recipes.adain import AdainRecipe
        from nst_train.recipes.settings import AdainSettings

        settings = AdainSettings(
            content=str(content),
            styles=str(styles),
            encoder=str(encoder),
            cut=cut,
            steps=steps,
            batch=batch,
            size=size,
            learning_rate=learning_rate,
            style_weight=style_weight,
            content_weight=content_weight,
            stability_weight=stability_weight,
            variation_weight=variation_weight,
            seed=seed,
        )
        recipe = AdainRecipe(settings, session.hardware, session.reporter.note)
        session.train(
            recipe, _run_options(out, validation, start, until, sheet_every, save_minutes, session.workers(workers))
        )


@dataclass(frozen=True)
class _Session:
    """What a command trains on and talks through."""

    hardware: "Hardware"
    reporter: "Reporter"

    def workers(self, wanted: int | None) -> int:
        """Threads for images: a CPU that trains has few to spare, a GPU waits for all that there are."""
        return wanted or (2 if self.hardware.device.type == "cpu" else min(16, os.cpu_count() or 2))

    def train(self, recipe: "Recipe", run_options: "RunOptions") -> None:
        from nst_train.data.images import list_images
        from nst_train.loop.training_run import Run

        count = len(list_images(Path(recipe.settings.content)))
        photographs = "1 photograph" if count == 1 else f"{count} photographs"
        self.reporter.note(f"training on {self.hardware.name}, from {photographs}; Ctrl-C saves and stops")
        result = Run(recipe, run_options, self.reporter).train()
        for path in result.weights:
            self.reporter.note(f"wrote {path}")
        if not result.finished:
            self.reporter.note(f"stopped after step {result.step}; the same command goes on from there")
            raise typer.Exit(INTERRUPTED)


@contextmanager
def _session(device: str, precision: str, threads: int | None) -> Iterator[_Session]:
    require_torch("training", threads)
    from nst_train.loop.hardware import choose_hardware
    from nst_train.loop.progress import choose_reporter

    yield _Session(choose_hardware(device, precision), choose_reporter())


def _run_options(
    folder: Path,
    validation: Path | None,
    start: Path | None,
    until: int | None,
    sheet_every: int,
    save_minutes: float,
    workers: int,
) -> "RunOptions":
    from nst_train.loop.training_run import RunOptions

    return RunOptions(
        folder=folder,
        validation=validation,
        start=start,
        until=until,
        sheet_every=sheet_every,
        save_minutes=save_minutes,
        workers=workers,
    )


def _named_paintings(values: list[str]) -> dict[str, Path]:
    """NAME=PAINTING, or a painting alone, which is called after its file."""
    from nst_rt.errors import StyleError

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


def _layers(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str) -> dict[str, int]:
    """`quarter=32,eighth=48` as numbers by name."""
    from nst_rt.errors import ModelError

    try:
        return {name.strip(): int(value) for name, value in (part.split("=") for part in text.split(",") if part)}
    except ValueError as error:
        raise ModelError(f"--widths {text}: write quarter=32,eighth=48,half=16,blocks=5") from error


def _three(text: str) -> tuple[int, int, int]:
    from nst_rt.errors import ModelError

    try:
        full, half, quarter = (int(part) for part in text.split(","))
    except ValueError as error:
        raise ModelError(f"--widths {text}: write three numbers with commas, like 32,64,128") from error
    if min(full, half, quarter) < 1:
        raise ModelError(f"--widths {text}: channels are 1 or more")
    return full, half, quarter
