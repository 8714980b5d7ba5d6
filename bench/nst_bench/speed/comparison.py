"""Two reports side by side: ratios, and whether each is more than noise."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from nst_bench.harness.markdown import table
from nst_bench.speed.entries import Entry, entries

Verdict = Literal["better", "worse", "same", "unsure"]

SIGMAS = 3.0
LEAST = 0.03
"""Two runs of the same code on the same machine differ by so much without any cause that one could name."""
UNKNOWN_NOISE = 0.05
"""Taken where a measurement did not tell its own."""


@dataclass(frozen=True)
class Comparison:
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


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[Comparison]:
    """Everything that both reports measured, in the new one's order.

    The threshold is three times both runs' own noise, added as independent, and at least 3 %. A difference that the
    machine's own limits show too (its peak arithmetic rate changed by as much, in the same direction) is `unsure`:
    the machine may have changed, not the code.
    """
    before = entries(old)
    machine = _drift(old, new)
    return [_compare(before[key], entry, machine) for key, entry in entries(new).items() if key in before]


def _compare(old: Entry, new: Entry, machine: float) -> Comparison:
    ratio = new.value / old.value if old.value else math.inf
    noises = [UNKNOWN_NOISE if entry.noise is None else entry.noise for entry in (old, new)]
    # Bytes held do not waver as times do.
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
    return Comparison(new.key, new.unit, old.value, new.value, round(ratio, 4), round(threshold, 4), verdict)


def _drift(old: dict[str, Any], new: dict[str, Any]) -> float:
    """Log of how much faster the machine's arithmetic was in the new run; 0 where that was not measured."""
    rates = [report.get("limits", {}).get("cpu_fp32_gflops") for report in (old, new)]
    return math.log(rates[1] / rates[0]) if all(rates) else 0.0


def markdown(comparisons: list[Comparison], old: dict[str, Any], new: dict[str, Any]) -> str:
    """A table, what changed first; a line above it where the machines differ."""
    lines = []
    names = [report.get("machine", {}).get("processor") for report in (old, new)]
    if names[0] != names[1]:
        lines += [f"**Other machines** ({names[0]}, then {names[1]}): the verdicts compare both code and machine.", ""]
    drift = math.exp(_drift(old, new))
    if abs(drift - 1) > LEAST:
        lines += [f"The machine's peak fp32 rate was {drift:.2f} times the old run's.", ""]
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
