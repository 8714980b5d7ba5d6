"""`nst-rt bench quality` for Python: from its options to its files."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from nst_rt.errors import InputError
from nst_train.loop.hardware import choose_hardware
from nst_train.optimization.transfer import TransferSettings
from nst_train.perceptual.loss_network import find_loss_network

from nst_bench.harness.documents import as_json, write_sheet, write_texts
from nst_bench.harness.inputs import Group
from nst_bench.harness.loss_measurements import LossMeasurements
from nst_bench.harness.machine import describe_machine
from nst_bench.harness.result_cache import ResultCache
from nst_bench.quality.contenders import Contender, ContenderLoader
from nst_bench.quality.flicker import Clip
from nst_bench.quality.quality_options import QualityOptions
from nst_bench.quality.quality_report import GROUPS, QualityReport
from nst_bench.quality.quality_run import QualityRun, choose_pairs
from nst_bench.quality.quality_sheet import draw_sheet, sheet_rows
from nst_bench.quality.reference import Reference
from nst_bench.quality.selection import choose_contenders, choose_photographs, find_clips

SHOWN: dict[Group, int] = {"named": 24, "held-out": 10}
"""Rows of each group's sheet."""


def measure_quality(options: QualityOptions, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Measure what was not measured before, then write quality.json, quality.md and the sheets.

    Args:
        say: called with one line for every result, and one for the files.

    Returns:
        The report, as in quality.json.

    Raises:
        InputError, OutputError, ModelError, StyleError, DeviceError: each says what to do next.

    Examples:
        >>> from pathlib import Path
        >>> from nst_bench.quality.quality_options import QualityOptions
        >>> options = QualityOptions(content=Path("photographs"), styles=Path("paintings"), output=Path("out"))
        >>> measure_quality(options, print)  # doctest: +SKIP
    """
    options = options.reduced()
    contenders = choose_contenders(options)
    clips = [Clip(path, options.frames) for path in find_clips(options.video)]
    _check_flicker_to(options.flicker_to, contenders)
    photographs = choose_photographs(options.content, options.photographs, options.side)
    losses = LossMeasurements(
        find_loss_network(options.loss_network),
        choose_hardware(precision="fp32"),
        photographs,
        ResultCache(options.output / "measurements"),
    )
    reference = _reference(options, losses) if options.pairs else None
    with closing(ContenderLoader(options.device, options.threads)) as loader:
        run = QualityRun(contenders, losses, loader, say)
        run.measure_unchanged()
        run.measure_styles()
        run.measure_flicker(clips, options.flicker_styles)
        pairs = choose_pairs(run.paintings(), len(photographs), options.pairs)[: 1 if options.quick else None]
        if reference is not None:
            run.measure_reference(reference, pairs)
        sheets: dict[Group, str] = {}
        first_photographs = dict(reversed(pairs))
        for group, _ in GROUPS:
            if rows := sheet_rows(run.paintings(), group, photographs, first_photographs, SHOWN[group]):
                sheets[group] = f"{group}.jpg"
                write_sheet(options.output / sheets[group], draw_sheet(rows, contenders, loader, reference))
    report = QualityReport(
        machine=describe_machine(),
        settings={
            "loss_network": f"{losses.network.name} ({losses.loss_network.name})",
            "loss_network_sha256": losses.sha256,
            "side": options.side,
            "held_out_every": options.held_out_every,
            "frames": options.frames,
            "reference": reference.describe() if reference is not None and pairs else None,
        },
        photographs=photographs,
        contenders=contenders,
        results=run.results,
        flicker_to=options.flicker_to if clips else None,
        sheets=sheets,
    )
    found = report.as_json()
    write_texts(options.output, {"quality.json": as_json(found), "quality.md": report.as_markdown()})
    say(f"wrote {', '.join(['quality.md', 'quality.json', *sheets.values()])} to {options.output}")
    return found


def _check_flicker_to(name: str | None, contenders: list[Contender]) -> None:
    names = [contender.name for contender in contenders]
    if name and name not in names:
        raise InputError(f"{name}: no such contender ({', '.join(names)}). Name one of these", parameter="flicker_to")


def _reference(options: QualityOptions, losses: LossMeasurements) -> Reference:
    weight = options.reference_style_weight
    return Reference(
        losses,
        choose_hardware(precision=options.reference_precision),
        style_weight=TransferSettings.style_weight if weight is None else weight,
    )
