"""The report of a suite as one image: time over size, and every comparison with peers."""

import itertools
from collections import defaultdict
from pathlib import Path
from typing import Any

from nst_rt.errors import DependencyError, install_line

from nst_bench.harness.machine import machine_line
from nst_bench.speed.metrics import backend_label, size_of
from nst_bench.speed.roofline import on_gpu

OURS, PEER, FLOOR = "#c8553d", "#7a8b99", "#999999"


def draw(report: dict[str, Any], path: Path) -> None:
    """Write a PNG.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise DependencyError(f"the plot needs matplotlib: {install_line('bench')}") from error
    comparisons = [comparison for comparison in report["peers"] if comparison["results"]]
    figure = Figure(figsize=(6.4 + 5.2 * len(comparisons), 5.2), layout="constrained")
    axes = figure.subplots(1, 1 + len(comparisons), squeeze=False)[0]
    _draw_sizes(axes[0], report)
    for each, comparison in zip(axes[1:], comparisons, strict=True):
        _draw_peers(each, comparison)
    figure.suptitle(f"{machine_line(report['machine'])}; nst-rt {report['machine']['nst-rt']}")
    figure.savefig(path, dpi=120)


def _draw_sizes(axes: Any, report: dict[str, Any]) -> None:
    lines: dict[str, dict[float, float]] = defaultdict(dict)
    floors: dict[str, dict[float, float]] = defaultdict(dict)
    ticks: dict[float, str] = {}
    for result in report["results"]:
        if result["batch"] > 1:
            continue
        model, p50 = result["model"], result["latency"]["p50"]
        megapixels = result["width"] * result["height"] / 1e6
        lines[f"{model['device']} {model['precision']}"][megapixels] = p50
        ticks[megapixels] = size_of(result)
        share = result.get("limits", {}).get("arithmetic_share")
        if share:
            # One line for all devices with the same peak rate; a GPU has another one.
            where = " on a GPU" if on_gpu(model) else ""
            floors[f"{model['precision']} arithmetic at peak rate{where}"][megapixels] = share * p50
    for name, points in lines.items():
        axes.plot(sorted(points), [points[x] for x in sorted(points)], marker="o", label=name)
    for (name, points), style in zip(floors.items(), itertools.cycle((":", "--", "-."))):
        axes.plot(sorted(points), [points[x] for x in sorted(points)], linestyle=style, color=FLOOR, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(list(ticks), list(ticks.values()), rotation=30, ha="right")
    axes.minorticks_off()
    axes.set_ylabel("p50 per frame, ms")
    axes.set_title("Closed loop, host to host")
    axes.grid(True, which="both", alpha=0.3)
    if lines:
        axes.legend(fontsize=8)


def _draw_peers(axes: Any, comparison: dict[str, Any]) -> None:
    ordered = sorted(comparison["results"], key=lambda result: -float(result["latency"]["p50"]))
    names = [backend_label(comparison, result) for result in ordered]
    times = [result["latency"]["p50"] for result in ordered]
    colors = [OURS if name.startswith("nst-rt") else PEER for name in names]
    bars = axes.barh(names, times, color=colors)
    axes.bar_label(bars, labels=[f"{value:.1f}" for value in times], padding=3)
    axes.set_xlim(0, max(times) * 1.18)
    axes.set_xlabel("p50 per frame, ms")
    axes.set_title(f"{comparison['network']}, {size_of(comparison)}")
