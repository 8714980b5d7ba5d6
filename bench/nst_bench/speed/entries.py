"""A report's measurements as one flat list, each under a key that names the same thing in every report."""

from dataclasses import dataclass
from typing import Any

from nst_bench.harness.latency import Case


@dataclass(frozen=True)
class Entry:
    """One number."""

    key: str
    value: float
    unit: str
    """`ms`, `frames/s`, `MB`."""
    noise: float | None = None

    @property
    def less_is_better(self) -> bool:
        return self.unit != "frames/s"


def size_of(entry: dict[str, Any]) -> str:
    """`1280x720`, `256x256 x4`."""
    return str(Case(entry["width"], entry["height"], entry.get("batch", 1)))


def contender_of(race: dict[str, Any], result: dict[str, Any]) -> str:
    """A contender's name, with its network's where ours and the peers run different ones."""
    return f"{result['name']}, {result['network']}" if mixed(race) else str(result["name"])


def mixed(race: dict[str, Any]) -> bool:
    """Whether ours run another network than the peers."""
    return bool(race.get("ours", race["network"]) != race["network"])


def entries(report: dict[str, Any]) -> dict[str, Entry]:
    """Every measurement of a report of any format, by its key; sections that are not there have none."""
    found: list[Entry] = []
    for result in report.get("results", []):
        model = result["model"]
        key = f"{model['model']}, {model['device']} {model['precision']}, {size_of(result)}"
        if (times := model.get("stroke_size", 1)) != 1:
            key += f", strokes of {times:g} times the size"
        found.append(Entry(key, result["latency"]["p50"], "ms", result.get("noise")))
    for race in report.get("races", []):
        for result in race["results"]:
            key = f"race: {race['network']}, {size_of(race)}, {result['name']}"
            found.append(Entry(key, result["latency"]["p50"], "ms", result["noise"]))
    for start in report.get("cold_start", []):
        if "p50_ms" in start:
            found.append(Entry(f"whole process: {start['name']}", start["p50_ms"], "ms", start["noise"]))
            found.append(Entry(f"whole process, memory: {start['name']}", start["peak_mb"], "MB"))
    for result in report.get("throughput", []):
        key = f"{result['in_flight']} in flight: {result['device']} {result['precision']}, {size_of(result)}"
        found.append(Entry(key, result["frames_per_second"], "frames/s"))
    for result in report.get("switching", []):
        key = f"switching, {result['kind']}: {result['device']} {result['precision']}, {size_of(result)}"
        found.append(Entry(key, result["at_switch"]["p50"], "ms", result["noise"]))
    for result in report.get("pipe", []):
        key = f"pipe: {result['device']} {result['precision']}, {size_of(result)}"
        found.append(Entry(key, result["pipe"], "frames/s", result["noise"]))
    for video in report.get("video", []):
        key = f"video: {video['device']} {video['precision']}, {size_of(video)}"
        rate = video["frames"] / video["whole"]["seconds"]
        found.append(Entry(key, round(rate, 2), "frames/s", video["noise"]))
    for used in report.get("memory", []):
        key = f"memory: {used['device']} {used['precision']}, {size_of(used)}"
        found.append(Entry(key, used["peak_mb"], "MB"))
    return {entry.key: entry for entry in found}
