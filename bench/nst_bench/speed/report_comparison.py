"""An old and a new report: ratios, and whether each is more than noise."""

import contextlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nst_rt.errors import InputError

from nst_bench.harness.markdown import table
from nst_bench.speed.metrics import Metric, metrics_of

Verdict = Literal["better", "worse", "same", "unsure"]

SIGMAS = 3.0
LEAST = 0.03
"""Two runs of the same code on the same machine differ by this much for no known reason."""
UNKNOWN_NOISE = 0.05
"""Assumed for a measurement that has none."""


@dataclass(frozen=True)
class MetricComparison:
    """One measurement in both reports."""

    key: str
    unit: str
    old: float
    new: float
    ratio: float
    """New over old."""
    threshold: float
    """|log ratio| up to here is noise."""
    verdict: Verdict


def read_report(path: Path) -> dict[str, Any]:
    """A report that `nst-rt bench` has written.

    Raises:
        InputError: the file is missing, or no report.
    """
    with contextlib.suppress(ValueError):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(
                f"{path}: cannot be read ({error.strerror}). Give the JSON of an earlier run", parameter="compare"
            ) from error
        if isinstance(found, dict) and "machine" in found and "results" in found:
            return found
    raise InputError(f"{path}: not a report of nst-rt bench. Give the JSON of an earlier run", parameter="compare")


def compare_reports(old: dict[str, Any], new: dict[str, Any]) -> list[MetricComparison]:
    """Everything that both reports measured, in the order of the new one.

    The threshold is three times the noise of both runs, added as independent, and at least 3 %. A difference is
    `unsure` if the peak arithmetic rate of the machine changed by as much in the same direction: then the machine may
    have changed, and not the code.
    """
    before = metrics_of(old)
    machine = _drift(old, new)
    return [_compare(before[key], metric, machine) for key, metric in metrics_of(new).items() if key in before]


def _compare(old: Metric, new: Metric, machine: float) -> MetricComparison:
    ratio = new.value / old.value if old.value else math.inf
    noises = [UNKNOWN_NOISE if metric.noise is None else metric.noise for metric in (old, new)]
    # Memory does not vary as times do.
    threshold = LEAST if new.unit == "MB" else max(LEAST, SIGMAS * math.hypot(*noises))
    change = math.log(ratio) if 0 < ratio < math.inf else math.inf
    slower = change > 0 if new.less_is_better else change < 0
    # A machine at half the rate takes twice as long.
    by_machine = 0.0 if new.unit == "MB" else (-machine if new.less_is_better else machine)
    verdict: Verdict
    if abs(change) <= threshold:
        verdict = "same"
    elif abs(by_machine) > LEAST and abs(change - by_machine) <= threshold:
        verdict = "unsure"
    else:
        verdict = "worse" if slower else "better"
    return MetricComparison(new.key, new.unit, old.value, new.value, round(ratio, 4), round(threshold, 4), verdict)


def _drift(old: dict[str, Any], new: dict[str, Any]) -> float:
    """Log of how much faster the arithmetic of the machine was in the new run; 0 if that was not measured."""
    rates = [report.get("limits", {}).get("cpu_fp32_gflops") for report in (old, new)]
    return math.log(rates[1] / rates[0]) if all(rates) else 0.0


def comparison_markdown(comparisons: list[MetricComparison], old: dict[str, Any], new: dict[str, Any]) -> str:
    """A table with the changes first; a line above it if the machines differ."""
    if not comparisons:
        return "The two reports have no measurement in common.\n"
    lines = []
    names = [report.get("machine", {}).get("processor") for report in (old, new)]
    if names[0] != names[1]:
        lines += [
            f"**Different machines** ({names[0]}, then {names[1]}): the verdicts compare code and machine together.",
            "",
        ]
    drift = math.exp(_drift(old, new))
    if abs(drift - 1) > LEAST:
        lines += [f"The peak fp32 rate of the machine was {drift:.2f} times that of the old run.", ""]
    order = {"worse": 0, "better": 1, "unsure": 2, "same": 3}
    rows = (
        [
            row.key,
            f"{row.old:g} {row.unit}",
            f"{row.new:g} {row.unit}",
            f"{row.ratio:.3f}",
            f"±{row.threshold * 100:.0f} %",
            row.verdict,
        ]
        for row in sorted(comparisons, key=lambda row: order[row.verdict])
    )
    lines.append(table("what | old > | new > | new / old > | noise > | verdict", rows))
    return "\n".join(lines) + "\n"
