"""The measurements of a report as one flat list; a key names the same measurement in every report."""

from dataclasses import dataclass
from typing import Any

from nst_bench.harness.workload import Case


@dataclass(frozen=True)
class Metric:
    """One number."""

    key: str
    value: float
    unit: str
    """`ms`, `frames/s`, `MB`."""
    noise: float | None = None

    @property
    def less_is_better(self) -> bool:
        return self.unit != "frames/s"


def size_of(result: dict[str, Any]) -> str:
    """`1280x720`, `256x256 x4`."""
    return str(Case(result["width"], result["height"], result.get("batch", 1)))


def backend_label(comparison: dict[str, Any], result: dict[str, Any]) -> str:
    """The name of a backend, and of its network if nst-rt and the peers run different ones."""
    return f"{result['name']}, {result['network']}" if mixed(comparison) else str(result["name"])


def mixed(comparison: dict[str, Any]) -> bool:
    """Whether nst-rt runs another network than the peers."""
    return bool(comparison.get("ours", comparison["network"]) != comparison["network"])


def metrics_of(report: dict[str, Any]) -> dict[str, Metric]:
    """Every measurement of a report, by its key; a missing section has none."""
    found: list[Metric] = []
    for result in report.get("results", []):
        model = result["model"]
        key = f"{model['model']}, {model['device']} {model['precision']}, {size_of(result)}"
        if (size := model.get("stroke_size", 1)) != 1:
            key += f", stroke size {size:g}"
        found.append(Metric(key, result["latency"]["p50"], "ms", result.get("noise")))
    for comparison in report.get("peers", []):
        for result in comparison["results"]:
            key = f"peers: {comparison['network']}, {size_of(comparison)}, {result['name']}"
            found.append(Metric(key, result["latency"]["p50"], "ms", result["noise"]))
    for start in report.get("cold_start", []):
        if "p50_ms" in start:
            found.append(Metric(f"whole process: {start['name']}", start["p50_ms"], "ms", start["noise"]))
            found.append(Metric(f"whole process, memory: {start['name']}", start["peak_mb"], "MB"))
    for result in report.get("throughput", []):
        key = f"{result['in_flight']} in flight: {result['device']} {result['precision']}, {size_of(result)}"
        found.append(Metric(key, result["frames_per_second"], "frames/s"))
    for result in report.get("switching", []):
        key = f"switching, {result['kind']}: {result['device']} {result['precision']}, {size_of(result)}"
        found.append(Metric(key, result["at_switch"]["p50"], "ms", result["noise"]))
    for result in report.get("pipe", []):
        key = f"pipe: {result['device']} {result['precision']}, {size_of(result)}"
        found.append(Metric(key, result["pipe"], "frames/s", result["noise"]))
    for video in report.get("video", []):
        key = f"video: {video['device']} {video['precision']}, {size_of(video)}"
        rate = video["frames"] / video["whole"]["seconds"]
        found.append(Metric(key, round(rate, 2), "frames/s", video["noise"]))
    for used in report.get("memory", []):
        key = f"memory: {used['device']} {used['precision']}, {size_of(used)}"
        found.append(Metric(key, used["peak_mb"], "MB"))
    return {metric.key: metric for metric in found}
