"""`nst-rt compare` for Python: options checked before anything runs, the methods run, the documents written."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_rt.contract import Frame
from nst_rt.engine.devices import parse_device
from nst_rt.errors import DeviceError, InputError, OutputError
from nst_rt.jobs.grid.drawing import notice
from nst_rt.media.images.contact_sheet import Cell, contact_sheet
from nst_rt.media.images.image_reader import read_image
from nst_train.loop.hardware import choose_hardware
from nst_train.perceptual.loss_network_download import obtain_loss_network

from nst_bench.compare.compare_options import CompareOptions
from nst_bench.compare.compare_page import html_page
from nst_bench.compare.compare_report import CompareReport, duration
from nst_bench.compare.method_runs import MethodRuns, Outcome, Setting
from nst_bench.compare.methods import Method, choose_methods, choose_style
from nst_bench.harness.documents import as_json, write_sheet, write_texts
from nst_bench.harness.inputs import Painting, read_photograph
from nst_bench.harness.loss_measurements import LossMeasurements
from nst_bench.harness.losses import style_loss
from nst_bench.harness.machine import describe_machine
from nst_bench.harness.result_cache import ResultCache

SHEET, SHEET_SIDE = "compare.jpg", 280
MEASUREMENTS = "measurements"
"""Folder of the results that a later run can use, beside the documents."""

Progress = Callable[[int, str], AbstractContextManager[Callable[[], None]]]
"""Called with how many there are and what they are; the context gives a function to call after each one."""


@contextmanager
def no_progress(total: int, unit: str) -> Iterator[Callable[[], None]]:
    """A `Progress` that shows nothing."""
    yield lambda: None


@dataclass(frozen=True)
class Compared:
    """A finished comparison."""

    report: dict[str, Any]
    """As in compare.json."""
    painted: int
    failed: int
    methods: int
    interrupted: bool


def compare_methods(
    options: CompareOptions, say: Callable[[str], None] = lambda line: None, progress: Progress = no_progress
) -> Compared:
    """Run the methods and write compare.json, compare.md, compare.html and compare.jpg, also after an interruption.

    Args:
        say: called with one line for each method that begins or ends.
        progress: counts the methods.

    Raises:
        NstError: an option is wrong or a file is missing; nothing was run.
        OutputError: the folder cannot be written to; as much as possible is written.

    Examples:
        >>> from pathlib import Path
        >>> from nst_bench.compare.compare_options import CompareOptions
        >>> options = CompareOptions(content=Path("photo.jpg"), style="painting.jpg", output=Path("out"))
        >>> compare_methods(options, print).painted  # doctest: +SKIP
        6
    """
    _refuse_other_files(options.output, overwrite=options.overwrite)
    photograph = read_photograph(options.content, options.side)
    style = choose_style(options.style, options.painting, options.model)
    painting = Painting(style.name or style.painting.stem, style.painting, "named" if style.name else "held-out")
    loss_network = obtain_loss_network(options.loss_network, say)
    methods = choose_methods(options, style, loss_network)
    _refuse_second_gpu(options.device, methods)
    setting = Setting(photograph, painting, describe_machine(), options)
    # The loss network stays on the CPU: GPU memory is for the methods.
    hardware = choose_hardware("cpu", "fp32")
    losses = LossMeasurements(loss_network, hardware, [photograph], ResultCache(options.output / MEASUREMENTS))
    _refuse_useless_losses(losses, painting)
    (unchanged,) = losses.unchanged(painting)
    runs = MethodRuns(methods, setting, losses, options.output)
    interrupted, unwritten = False, None
    try:
        with progress(len(methods), "methods") as advance:
            for outcome in runs.run(begin=lambda method: say(f"{method.title} ...")):
                say(_line(outcome))
                advance()
    except KeyboardInterrupt:
        interrupted = True
    except OutputError as error:  # perhaps of one file only: the documents report the hours before it
        interrupted, unwritten = True, error
    report = CompareReport(setting, losses, unchanged, runs.outcomes, SHEET, interrupted)
    write_sheet(options.output / SHEET, _draw_sheet(setting, runs, side=min(SHEET_SIDE, options.side)))
    found = report.as_json()
    write_texts(
        options.output,
        {
            "compare.json": as_json(found),
            "compare.md": report.as_markdown(),
            "compare.html": html_page(report, options.output),
        },
    )
    if unwritten is not None:
        raise unwritten
    painted = sum(one.painted for one in runs.outcomes)
    failed = sum(one.state == "failed" for one in runs.outcomes)
    return Compared(found, painted, failed, len(methods), interrupted)


def _draw_sheet(setting: Setting, runs: MethodRuns, *, side: int) -> Frame:
    """A sheet uint8 (H, W, 3) BGR; a method without an image has a grey one with the reason."""
    cells = [Cell(setting.photograph.bgr, "photograph"), Cell(setting.painting.bgr, "painting")]
    for one in runs.outcomes:
        if one.painted:
            label = f"{one.method.label}: {duration(one.figures['image_seconds'])}"
            cells.append(Cell(read_image(runs.image(one.method)).bgr, label))
        else:
            cells.append(Cell(notice(one.reason, side), one.method.label))
    return contact_sheet(cells, side=side)


def _refuse_other_files(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds other files: some of them might be replaced."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: a file, and the comparison needs a folder. Name another", parameter="output")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MEASUREMENTS).is_dir() and not overwrite:
        raise OutputError(
            f"{folder}: holds other files than a comparison. Name another folder, or allow overwriting",
            parameter="overwrite",
        )


def _refuse_second_gpu(device: str, methods: Sequence[Method]) -> None:
    """Refuse a GPU that the methods of PyTorch would not compute on."""
    named = parse_device(device)
    if named is None or not named.index:
        return
    kinds = dict.fromkeys(one.kind for one in methods if one.kind != "network")
    if kinds:
        raise DeviceError(
            f"{named}: optimisation and tuning take the first GPU. Set CUDA_VISIBLE_DEVICES={named.index} and name "
            f"the device {named.kind}, or leave these methods out: {', '.join(kinds)}",
            parameter="device",
        )


def _refuse_useless_losses(losses: LossMeasurements, painting: Painting) -> None:
    """Refuse images or a loss network whose losses mean nothing, before minutes are spent."""
    loss = style_loss(losses.photograph_features(0).grams, losses.grams(painting))
    if not math.isfinite(loss):
        raise InputError(
            f"{losses.loss_network}: its losses are not finite. Give another loss network", parameter="loss_network"
        )
    if loss == 0:
        path = losses.photographs[0].path
        raise InputError(
            f"{path} has the painting's style already: is it the painting? Give a photograph", parameter="content"
        )


def _line(outcome: Outcome) -> str:
    method = outcome.method
    if outcome.loss is None:
        return f"{method.title}: failed: {outcome.reason}"
    kept = ", kept from an earlier run" if outcome.state == "kept" else ""
    figures = outcome.figures
    return (
        f"{method.title}: {duration(figures['image_seconds'])}, {figures['peak_mb']:.0f} MB, style loss "
        f"{outcome.loss.style:.3g}, content loss {outcome.loss.content:.2f}{kept}"
    )
