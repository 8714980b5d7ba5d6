"""One `nst-rt bench quality` from its options to its files."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_export.model_files.named_styles import BUILT_IN, paintings_in, read_named_styles
from nst_rt.errors import InputError
from nst_rt.files.reading import file_sha256
from nst_rt.media.images.image_writer import write_image
from nst_rt.models.catalog import BUILT_IN as CONDITIONAL
from nst_train.loop.hardware import choose_hardware
from nst_train.optimization.transfer import TransferSettings
from nst_train.perceptual.loss_network import find_loss_network, load_loss_network

from nst_bench.harness.machine import describe_machine
from nst_bench.harness.store import Store
from nst_bench.quality.contenders import Contender
from nst_bench.quality.flicker import Clip
from nst_bench.quality.images import (
    Group,
    Painting,
    choose_photographs,
    held_out_paintings,
    named_paintings,
    spread,
)
from nst_bench.quality.losses import Judge
from nst_bench.quality.measuring import Measurements
from nst_bench.quality.networks import Networks
from nst_bench.quality.plan import make_contenders, parse_contender, parse_tuned
from nst_bench.quality.quality_report import GROUPS, Report
from nst_bench.quality.quality_run import Run, choose_pairs
from nst_bench.quality.quality_sheet import draw_sheet, sheet_rows
from nst_bench.quality.reference import Reference

VIDEO_SUFFIXES = {".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v"}
SHOWN: dict[Group, int] = {"named": 24, "held-out": 10}
"""Rows of each group's sheet."""
SHEET_QUALITY = 88


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options of `nst-rt bench quality`; amounts of 0 take all."""

    content: Path
    styles: Path
    output: Path
    table: Path | None = None
    paintings: Path | None = None
    held_out_every: int = 10
    model: str = CONDITIONAL
    contenders: Sequence[str] = ()
    tuned: Sequence[str] = ()
    video: Sequence[Path] = ()
    yardstick: str | None = None
    loss_network: Path | None = None
    photographs: int = 20
    side: int = 480
    named: int = 0
    held_out: int = 0
    pairs: int = 1
    most_pairs: int | None = None
    """Of the optimisation method, over all styles."""
    reference_precision: str = "fp32"
    reference_style_weight: float | None = None
    """Against a content weight of 1; that of `TransferSettings` if left out."""
    frames: int = 60
    flicker_styles: int = 3
    device: str = "auto"
    threads: int | None = None


def measure(wanted: Wanted, say: Callable[[str], None]) -> None:
    """Measure what is not measured yet, then write quality.json, quality.md and the sheets.

    Args:
        say: takes one line for every result and every file.

    Raises:
        InputError, OutputError, ModelError, StyleError, DeviceError: each says what to do next.
    """
    contenders = _contenders(wanted)
    clips = [Clip(path, wanted.frames) for path in _clips(wanted.video)]
    if wanted.yardstick and wanted.yardstick not in [contender.name for contender in contenders]:
        names = ", ".join(contender.name for contender in contenders)
        raise InputError(f"--flicker-to {wanted.yardstick}: no such contender ({names}). Name one of these")
    photographs = choose_photographs(wanted.content, wanted.photographs, wanted.side)
    store = Store(wanted.output / "measurements")
    weights = find_loss_network(wanted.loss_network)
    network = load_loss_network(weights)
    question = {"loss_network": file_sha256(weights)}
    measurements = Measurements(Judge(network, choose_hardware(precision="fp32")), photographs, store, question)
    reference = None
    if wanted.pairs:
        hardware = choose_hardware(precision=wanted.reference_precision)
        weight = wanted.reference_style_weight
        weight = TransferSettings.style_weight if weight is None else weight
        reference = Reference(network, hardware, measurements, store, question, style_weight=weight)
    with closing(Networks(wanted.device, wanted.threads)) as networks:
        run = Run(contenders, photographs, measurements, store, networks, say)
        run.measure_unchanged()
        run.measure_styles()
        run.measure_flicker(clips, wanted.flicker_styles)
        pairs = choose_pairs(run.paintings(), len(photographs), wanted.pairs)[: wanted.most_pairs]
        if reference is not None:
            run.measure_reference(reference, pairs)
        sheets: dict[Group, str] = {}
        shown = dict(reversed(pairs))
        for group, _ in GROUPS:
            if rows := sheet_rows(run.paintings(), group, photographs, shown, SHOWN[group]):
                sheets[group] = f"{group}.jpg"
                sheet = draw_sheet(rows, contenders, networks.load, reference)
                write_image(wanted.output / sheets[group], sheet, quality=SHEET_QUALITY)
    settings: dict[str, Any] = {
        "loss_network": f"{network.name} ({weights.name})",
        "loss_network_sha256": question["loss_network"],
        "side": wanted.side,
        "held_out_every": wanted.held_out_every,
        "frames": wanted.frames,
        "reference": reference.describe() if reference is not None and pairs else None,
    }
    yardstick = wanted.yardstick if clips else None
    Report(describe_machine(), settings, photographs, contenders, run.results, yardstick, sheets).write(wanted.output)
    say(f"wrote {', '.join(['quality.md', 'quality.json', *sheets.values()])} to {wanted.output}")


def _contenders(wanted: Wanted) -> list[Contender]:
    table = read_named_styles(wanted.table or BUILT_IN)
    paintings: list[Painting] = spread(named_paintings(paintings_in(wanted.styles, table), table), wanted.named)
    if wanted.paintings is not None:
        paintings += held_out_paintings(wanted.paintings, wanted.held_out_every, wanted.held_out)
    given = [parse_contender(text, wanted.styles) for text in wanted.contenders]
    return make_contenders(wanted.model, paintings, given, parse_tuned(wanted.tuned, paintings))


def _clips(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if not path.exists():  # said now, and not after an hour of measuring photographs
            raise InputError(f"{path}: no such clip or folder. Check the name")
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"{path}: no clips in it ({', '.join(sorted(VIDEO_SUFFIXES))}). Give another folder")
        found += inside
    return found
