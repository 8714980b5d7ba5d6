"""The headlines of a report: how many times faster, or smaller, nst-rt is within the same run."""

from collections.abc import Iterator
from typing import Any

from nst_bench.speed.metrics import mixed, size_of
from nst_bench.speed.networks import BUILT_IN_NAME
from nst_bench.speed.whole_process import BARE_IMPORTS, PYTORCH

Report = dict[str, Any]
Ratio = tuple[str, float]
"""What is compared, in words, and the ratio."""

PLAIN, EAGER, CPU = "ONNX Runtime, plain", "PyTorch eager", "nst-rt cpu fp32"
COUNTERPARTS = {
    "OpenVINO Python API, f32": "nst-rt openvino fp32",
    "OpenVINO Python API, bf16": "nst-rt openvino bf16",
    "OpenVINO Python API, int8": "nst-rt openvino int8",
    "OpenVINO Python API, int8 and bf16": "nst-rt openvino int8",
    "ONNX Runtime, plain, int8": "nst-rt cpu int8",
}
"""For each peer that runs our own file: nst-rt with the same file and the same library."""


def ratios(report: Report) -> list[Ratio]:
    """All headlines of a report, those of the peers first."""
    return [
        *_built_in_beside_johnson(report),
        *(ratio for comparison in report["peers"] for ratio in _beside_peers(comparison)),
        *_whole_processes(report),
        *_videos(report),
    ]


def _built_in_beside_johnson(report: Report) -> Iterator[Ratio]:
    """The built-in network in nst-rt, beside Johnson's network in plain ONNX Runtime, at the same size."""
    measured = {(comparison["network"], size_of(comparison)): _p50(comparison) for comparison in report["peers"]}
    for (network, size), times in measured.items():
        if network.startswith("Johnson") and PLAIN in times:
            for name, p50 in measured.get((BUILT_IN_NAME, size), {}).items():
                if name.startswith("nst-rt"):
                    what = f"{BUILT_IN_NAME} on {name}, faster than {network} in plain ONNX Runtime, {size}"
                    yield what, times[PLAIN] / p50


def _beside_peers(comparison: dict[str, Any]) -> Iterator[Ratio]:
    """nst-rt beside the peers of one comparison."""
    network, size, times = comparison["network"], size_of(comparison), _p50(comparison)
    if mixed(comparison):
        for name, p50 in times.items():
            for peer in (EAGER, PLAIN):
                if name.startswith("nst-rt") and peer in times:
                    yield f"{comparison['ours']} on {name}, faster than {network} in {peer}, {size}", times[peer] / p50
        return
    if cpu := times.get(CPU):
        for peer, p50 in times.items():
            if not peer.startswith("nst-rt"):
                yield f"{network}, {size}: {CPU}, faster than {peer}", p50 / cpu
    for peer, ours in COUNTERPARTS.items():
        if peer in times and ours in times:
            yield f"{network}, {size}: {ours}, faster than {peer}", times[peer] / times[ours]


def _whole_processes(report: Report) -> Iterator[Ratio]:
    """The start of nst-rt beside PyTorch and beside what no program of this kind can do without."""
    starts = {start["name"]: start for start in report["cold_start"] if "p50_ms" in start}
    pytorch, bare = starts.get(PYTORCH), starts.get(BARE_IMPORTS)
    for name, start in starts.items():
        if not name.startswith("nst-rt"):
            continue
        if pytorch:
            yield f"whole process, {name}: faster than PyTorch with Johnson-32", pytorch["p50_ms"] / start["p50_ms"]
            yield f"whole process, {name}: smaller than PyTorch with Johnson-32", pytorch["peak_mb"] / start["peak_mb"]
        if bare:
            yield f"whole process, {name}: multiple of the bare imports", start["p50_ms"] / bare["p50_ms"]
            # Both are measured in the same run, the inference warm.
            if inference := _one_inference(report, start):
                what = f"whole process, {name}: multiple of bare imports plus one inference (1.5 allowed)"
                yield what, start["p50_ms"] / (bare["p50_ms"] + inference)


def _one_inference(report: Report, start: dict[str, Any]) -> float | None:
    """The closed loop's median at the size of a whole process on its device, in the precision of `auto` there."""
    device = start["name"].rpartition(" ")[2]
    precision = "fp16" if device in ("cuda", "tensorrt") else "fp32"
    wanted = (device, precision, start.get("width"), start.get("height"), 1)
    for result in report["results"]:
        ran, computed = result["model"]["device"].partition(":")[0], result["model"]["precision"]
        if (ran, computed, result["width"], result["height"], result["batch"]) == wanted:
            return float(result["latency"]["p50"])
    return None


def _videos(report: Report) -> Iterator[Ratio]:
    for video in report.get("video", []):
        what = f"video, {video['device']} {video['precision']}, {size_of(video)}: multiple of its slowest stage"
        yield what, video["ratio_to_slowest"]


def _p50(comparison: dict[str, Any]) -> dict[str, float]:
    return {result["name"]: result["latency"]["p50"] for result in comparison["results"]}
