"""The report of a suite as Markdown."""

from collections.abc import Callable, Iterable
from typing import Any

from nst_bench.harness.machine import machine_line
from nst_bench.harness.markdown import percent, table
from nst_bench.speed.metrics import backend_label, mixed, size_of
from nst_bench.speed.ratios import ratios

Report = dict[str, Any]
Result = dict[str, Any]


def markdown(report: Report) -> str:
    """The whole report; sections without a measurement are left out, and what was skipped comes last."""
    machine = report["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    parts = [
        f"# nst-rt bench, suite {report['suite']}",
        f"{machine_line(machine)}. {machine['system']}, Python {machine['python']}, nst-rt {machine['nst-rt']}, "
        f"{packages}. {report.get('seconds', 0):.0f} s.",
        _limits(report["limits"]),
        _sizes(report["results"]),
        *(_peers(comparison) for comparison in report["peers"]),
        _section(
            "Ratios within this run", "what | ratio >", ((name, f"{ratio:.2f}") for name, ratio in ratios(report))
        ),
        _switching(report.get("switching", [])),
        _cold_start(report["cold_start"]),
        _throughput(report["throughput"]),
        _pipe(report.get("pipe", [])),
        _video(report.get("video", [])),
        _memory(report["memory"]),
        _skipped(report["skipped"], report["limits"].get("skipped", {})),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, head: str, rows: Iterable[Iterable[object]]) -> str:
    body = table(head, rows)
    return f"## {title}\n\n{body}" if body else ""


def _by_device(title: str, head: str, results: Iterable[Result], cells: Callable[[Result], list[object]]) -> str:
    """A section with a row for each result, which begins with its device and its size."""
    return _section(title, f"device | size | {head}", ([*_where(one, one), *cells(one)] for one in results))


def _limits(limits: dict[str, Any]) -> str:
    units = {"_gflops": "GFLOP/s", "_gb_s": "GB/s"}
    rows = [
        (name.removesuffix(ending).replace("_", " "), f"{value:g} {unit}")
        for name, value in limits.items()
        for ending, unit in units.items()
        if name.endswith(ending)
    ]
    return _section("The limits of the machine", "limit | measured >", rows)


def _sizes(results: list[Result]) -> str:
    def row(result: Result) -> list[object]:
        latency, share = result["latency"], result.get("limits", {})
        pixels = result["width"] * result["height"] * result["batch"]
        return [
            *_where(result["model"], result),
            *(f"{latency[name]:.2f}" for name in ("p50", "p90", "p95", "p99")),
            f"{result['frames_per_second']:.1f}",
            f"{latency['p50'] * 1e6 / pixels:.1f}",
            f"{result['first_call_ms']:.0f}",
            percent(share.get("arithmetic_share")),
            percent(share.get("memory_share")),
            _noise(result["noise"]),
        ]

    times = "p50 ms > | p90 > | p95 > | p99 > | frames/s > | ns/pixel > | first call ms >"
    head = f"device | size | {times} | of peak arithmetic > | of memory rate > | noise >"
    models = ", ".join(sorted({result["model"]["file"] for result in results}))
    return _section(f"Closed loop, one frame in flight: {models}", head, map(row, results))


def _peers(comparison: dict[str, Any]) -> str:
    # nst-rt comes first among the backends.
    ours = [r["latency"]["p50"] for r in comparison["results"] if r["name"].startswith("nst-rt")]
    on_cpu = [r["latency"]["p50"] for r in comparison["results"] if r["name"].startswith("nst-rt cpu")]

    def row(result: Result) -> list[object]:
        p50 = result["latency"]["p50"]
        return [
            backend_label(comparison, result),
            f"{p50:.2f}",
            f"{result['latency']['p90']:.2f}",
            f"{result['frames_per_second']:.1f}",
            f"{p50 / on_cpu[0]:.2f}" if on_cpu else "",
            f"{p50 / min(ours):.2f}" if ours else "",
            "equal" if result["agreement_db"] is None else f"{result['agreement_db']:.1f}",
            f"{result['prepare_ms']:.0f}",
            _noise(result["noise"]),
        ]

    network = (
        f"{comparison['network']}, and {comparison['ours']} in nst-rt" if mixed(comparison) else comparison["network"]
    )
    head = (
        "backend | p50 ms > | p90 > | frames/s > | ÷ nst-rt cpu > | ÷ fastest nst-rt > | PSNR to the first, dB > | "
        "prepare ms > | noise >"
    )
    fastest_first = sorted(comparison["results"], key=lambda result: float(result["latency"]["p50"]))
    title = f"Interleaved: {network}, {size_of(comparison)} (weights {comparison['weights']})"
    section = _section(title, head, map(row, fastest_first))
    if not comparison["skipped"]:
        return section
    absent = "; ".join(f"{skipped['name']}: {skipped['reason']}" for skipped in comparison["skipped"])
    return f"{section or f'## {title}'}\n\nNot measured: {absent}."


def _switching(results: list[Result]) -> str:
    def cells(result: Result) -> list[object]:
        ratios = [f"{result[name]:.2f}" for name in ("median_ratio", "largest_ratio", "largest_ratio_without")]
        switches = f"{result['switches']} ({result['at_switch']['count']})"
        return [result["kind"], switches, f"{result['without']['p50']:.2f}", *ratios, _noise(result["noise"])]

    multiples = "p50 at a switch ÷ it > | largest at a switch ÷ it > | largest without ÷ it >"
    head = f"to | switches (frames at them) > | p50 ms without > | {multiples} | noise >"
    title = "Live switching of styles: frames at a switch, and as many without one"
    return _by_device(title, head, results, cells)


def _cold_start(starts: list[Result]) -> str:
    def row(start: Result) -> list[object]:
        if "reason" in start:
            return [start["name"], f"not measured: {start['reason']}", "", "", "", ""]
        gpu = f"{start['gpu_mb']:.0f}" if "gpu_mb" in start else ""
        times = [f"{start[name]:.0f}" for name in ("p50_ms", "min_ms", "peak_mb")]
        return [start["name"], *times, gpu, start["runs"]]

    head = "process | p50 ms > | min ms > | peak host MB > | peak GPU MB > | runs >"
    return _section("Whole processes: one photograph, from start to written image", head, map(row, starts))


def _throughput(results: list[Result]) -> str:
    def cells(result: Result) -> list[object]:
        latency = [f"{result['latency'][name]:.2f}" for name in ("p50", "p99")]
        return [result["in_flight"], result["threads"], f"{result['frames_per_second']:.1f}", *latency]

    head = "in flight > | threads of each > | frames/s > | p50 ms of a frame > | p99 >"
    return _by_device("Frames in flight", head, results, cells)


def _pipe(results: list[Result]) -> str:
    def cells(result: Result) -> list[object]:
        speeds = [f"{result[name]:.2f}" for name in ("alone", "pipe")]
        return [*speeds, f"{result['ratio']:.3f}", _noise(result["noise"])]

    head = "model alone, frames/s > | pipe, frames/s > | pipe ÷ alone > | noise of the ratio >"
    return _by_device("Pipe: ffmpeg, nst-rt pipe, ffmpeg", head, results, cells)


def _video(videos: list[Result]) -> str:
    def cell(video: Result, spent: dict[str, float]) -> str:
        return f"{spent['seconds'] / video['frames'] * 1e3:.1f} ({spent['cpu_seconds'] / video['frames'] * 1e3:.1f})"

    def cells(video: Result) -> list[object]:
        return [
            video["in_flight"],
            *(cell(video, spent) for spent in (*video["stages"].values(), video["whole"])),
            f"{video['frames'] / video['whole']['seconds']:.1f}",
            f"{video['ratio_to_slowest']:.3f} ({video['slowest']})",
            f"{video['shared_seconds'] / video['frames'] * 1e3:.1f} ({video['cores']})",
            f"{video['ratio_to_bound']:.3f}",
            cell(video, video["one_at_a_time"]),
            f"{video['ratio_to_one_at_a_time']:.3f}",
            _noise(video["noise"]),
        ]

    stages = "decode > | stylise > | encode > | all at once > | frames/s >"
    bounds = "÷ slowest stage > | CPU of all ÷ cores > | ÷ the larger bound >"
    head = f"in flight > | {stages} | {bounds} | stylise one at a time > | ÷ that > | noise >"
    return _by_device("Video: milliseconds per frame, in brackets CPU milliseconds", head, videos, cells)


def _memory(used: list[Result]) -> str:
    def cells(result: Result) -> list[object]:
        return [f"{result['peak_mb']:.0f}", result.get("gpu_mb", "")]

    return _by_device("Peak memory of a process that stylises frames", "host MB > | GPU MB >", used, cells)


def _skipped(skipped: list[dict[str, str]], limits: dict[str, str]) -> str:
    rows = [(step["section"], step["name"], step["reason"]) for step in skipped]
    rows += [("limits", name, reason) for name, reason in limits.items()]
    return _section("Not measured", "section | what | why", rows)


def _where(ran: Result, result: Result) -> tuple[str, str]:
    """Device and precision, and the size."""
    return f"{ran['device']} {ran['precision']}", size_of(result)


def _noise(noise: float | None) -> str:
    return "" if noise is None else f"±{noise * 100:.1f} %"
