"""A whole comparison: wishes checked before anything runs, the methods run, the documents written."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_rt.cli.signals import signals_interrupt
from nst_rt.engine.devices import parse_device
from nst_rt.errors import DeviceError, InputError, OutputError
from nst_rt.files.reading import file_sha256
from nst_rt.media.images.image_writer import write_image
from nst_rt.models.catalog import BUILT_IN
from nst_train.loop.hardware import choose_hardware
from nst_train.perceptual.loss_network import load_loss_network
from nst_train.perceptual.loss_network_download import obtain_loss_network

from nst_bench.compare import methods
from nst_bench.compare.compare_report import Report, duration
from nst_bench.compare.compare_run import Comparison, Outcome, Setting
from nst_bench.compare.compare_sheet import draw_sheet
from nst_bench.compare.page import html_page
from nst_bench.harness.machine import describe_machine
from nst_bench.harness.store import Store
from nst_bench.quality.images import Painting, Photograph, read_photograph
from nst_bench.quality.losses import Judge, style_loss
from nst_bench.quality.measuring import Measurements

SHEET, SHEET_SIDE, SHEET_QUALITY = "compare.jpg", 280, 88
MEASUREMENTS = "measurements"
"""Folder of what a later run need not make again, beside the documents."""

Progress = Callable[[int, str], AbstractContextManager[Callable[[], None]]]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The command's arguments."""

    content: Path
    style: str
    output: Path
    painting: Path | None = None
    model: str = BUILT_IN
    contenders: Sequence[str] = ()
    without: Sequence[str] = ()
    tune: float | None = None
    """Minutes."""
    steps: int = 300
    loss_network: str | None = None
    side: int = 640
    device: str = "auto"
    precision: str = "auto"
    optimizing_precision: str = "fp32"
    threads: int | None = None
    time_limit: float = 14400.0
    anew: bool = False


@dataclass(frozen=True)
class Compared:
    """A finished comparison."""

    told: dict[str, Any]
    """The report as JSON."""
    painted: int
    failed: int
    methods: int
    interrupted: bool


def compare(wanted: Wanted, say: Callable[[str], None], progress: Progress) -> Compared:
    """Run the methods and write compare.json, compare.md, compare.html and compare.jpg, also after an interruption.

    Raises:
        NstError: something that was asked for is missing or wrong; nothing was run.
        OutputError: the folder cannot be written to; what can be is written.
    """
    _refuse_foreign(wanted.output, anew=wanted.anew)
    photograph = read_photograph(wanted.content, wanted.side)
    wish = methods.find_wish(wanted.style, wanted.painting, wanted.model)
    painting = Painting(wish.name or wish.painting.stem, wish.painting, "named" if wish.name else "held-out")
    loss_network = obtain_loss_network(wanted.loss_network, say)
    chosen = methods.network_methods(wish, wanted.model, tune=wanted.tune, loss_network=loss_network)
    optimizing = methods.optimizing_methods(wish, loss_network, wanted.steps)
    for text in wanted.contenders:
        chosen.append(methods.model_method(text, wish, [one.key for one in (*chosen, *optimizing)]))
    chosen = methods.leave_out([*chosen, *optimizing], wanted.without)
    _refuse_other_cards(wanted.device, chosen)
    # The judge stays on the processor: a card's memory is the methods'.
    judge = Judge(load_loss_network(loss_network), choose_hardware("cpu", "fp32"))
    setting = Setting(
        photograph=photograph,
        painting=painting,
        side=wanted.side,
        device=wanted.device,
        precision=wanted.precision,
        threads=wanted.threads,
        optimizing_precision=wanted.optimizing_precision,
        time_limit=wanted.time_limit,
        machine=describe_machine(),
    )
    digest = file_sha256(loss_network)
    _refuse_unjudged(judge, photograph, painting, loss_network)
    store = Store(wanted.output / MEASUREMENTS)
    measurements = Measurements(judge, [photograph], store, {"loss_network": digest})
    comparison = Comparison(chosen, setting, measurements, store, wanted.output, anew=wanted.anew)
    unchanged = measurements.unchanged(painting)[0]
    interrupted, unwritten = False, None
    with signals_interrupt():
        try:
            with progress(len(chosen), "methods") as advance:

                def report_one(outcome: Outcome) -> None:
                    say(_line(outcome))
                    advance()

                comparison.run(lambda method: say(f"{method.title} ..."), report_one)
        except KeyboardInterrupt:
            interrupted = True
        except OutputError as error:  # of one file perhaps: the documents tell of the hours before it
            interrupted, unwritten = True, error
    report = Report(
        machine=setting.machine,
        setting=setting,
        style=wanted.style,
        loss_network=loss_network,
        loss_network_sha256=digest,
        unchanged=unchanged,
        outcomes=comparison.outcomes,
        sheet=SHEET,
        interrupted=interrupted,
    )
    sheet = draw_sheet(setting, comparison.outcomes, wanted.output, side=min(SHEET_SIDE, wanted.side))
    write_image(wanted.output / SHEET, sheet, quality=SHEET_QUALITY)
    report.write(wanted.output, html_page(report, wanted.output))
    if unwritten is not None:
        raise unwritten
    painted = sum(one.painted for one in comparison.outcomes)
    failed = sum(one.state == "failed" for one in comparison.outcomes)
    return Compared(report.as_json(), painted, failed, len(chosen), interrupted)


def _refuse_foreign(folder: Path, *, anew: bool) -> None:
    """Refuse a folder of somebody else's files, some of which might be replaced."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: a file, and the comparison needs a folder. Give another -o")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MEASUREMENTS).is_dir() and not anew:
        raise OutputError(f"{folder}: holds other things than a comparison. Give another -o, or --overwrite")


def _refuse_other_cards(device: str, chosen: Sequence[methods.Method]) -> None:
    """Refuse a card that PyTorch's methods would not compute on."""
    named = parse_device(device)
    if named is None or not named.index:
        return
    kinds = dict.fromkeys(one.kind for one in chosen if one.kind != "network")
    if kinds:
        options = " ".join(f"--without {kind}" for kind in kinds)  # which takes the kinds' names for their methods
        raise DeviceError(
            f"--device {named}: optimisation and tuning take the first card. Set CUDA_VISIBLE_DEVICES={named.index} "
            f"and give --device {named.kind}, or add {options}"
        )


def _refuse_unjudged(judge: Judge, photograph: Photograph, painting: Painting, loss_network: Path) -> None:
    """Refuse a loss network that tells nothing of these images, before minutes are spent on them."""
    loss = style_loss(judge.read(photograph.rgb).grams, judge.read_painting(painting.rgb))
    if not math.isfinite(loss):
        raise InputError(f"{loss_network}: its losses are not finite. Give another --loss-network")
    if loss == 0:
        raise InputError(f"{photograph.path} has the painting's style already: is it the painting? Give a photograph")


def _line(outcome: Outcome) -> str:
    method = outcome.method
    if outcome.loss is None:
        return f"{method.title}: failed: {outcome.why_not}"
    kept = ", kept from an earlier run" if outcome.state == "kept" else ""
    figures = outcome.figures
    return (
        f"{method.title}: {duration(figures['image_seconds'])}, {figures['peak_mb']:.0f} MB, style loss "
        f"{outcome.loss.style:.3g}, content loss {outcome.loss.content:.2f}{kept}"
    )
