"""A suite's report as Markdown."""

from typing import Any

from nst_bench.harness.markdown import percent, table
from nst_bench.speed.entries import contender_of, mixed, size_of

Report = dict[str, Any]

ALLOWANCE = "whole process, {name}: times bare imports plus one inference"
"""What a start may cost at most is 1.5 times that: both are measured in the same run, the inference warm."""

COUNTERPARTS = {
    "OpenVINO Python API, f32": "nst-rt openvino fp32",
    "OpenVINO Python API, bf16": "nst-rt openvino bf16",
    "OpenVINO Python API, int8": "nst-rt openvino int8",
    "OpenVINO Python API, int8 and bf16": "nst-rt openvino int8",
    "ONNX Runtime, plain, int8": "nst-rt cpu int8",
}
"""What runs the same file by the same library as a peer does."""


def markdown(report: Report) -> str:
    """The whole report; sections without a measurement are left out, what was skipped comes last."""
    machine = report["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    cards = f", {', '.join(machine['gpus'])}" if machine["gpus"] else ""
    parts = [
        f"# nst-rt bench, suite {report['suite']}",
        f"{machine['processor']}, {machine['logical_cores']} logical cores{cards}. {machine['system']}, "
        f"Python {machine['python']}, nst-rt {machine['nst-rt']}, {packages}. {report.get('seconds', 0):.0f} s.",
        _limits(report["limits"]),
        _sweep(report["results"]),
        *(_race(race) for race in report["races"]),
        _ratios(report),
        _switching(report.get("switching", [])),
        _cold_start(report["cold_start"]),
        _throughput(report["throughput"]),
        _pipe(report.get("pipe", [])),
        _video(report.get("video", [])),
        _memory(report["memory"]),
        _skipped(report["skipped"], report["limits"].get("skipped", {})),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _limits(limits: dict[str, Any]) -> str:
    units = {"_gflops": "GFLOP/s", "_gb_s": "GB/s"}
    rows = []
    for name, value in limits.items():
        for ending, unit in units.items():
            if name.endswith(ending):
                rows.append((name.removesuffix(ending).replace("_", " "), f"{value:g} {unit}"))
    return _section("The machine's limits", table("limit | measured >", rows))


def _sweep(results: list[dict[str, Any]]) -> str:
    def row(result: dict[str, Any]) -> list[object]:
        latency, model, share = result["latency"], result["model"], result.get("limits", {})
        pixels = result["width"] * result["height"] * result["batch"]
        return [
            f"{model['device']} {model['precision']}",
            size_of(result),
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
    models = {result["model"]["file"] for result in results}
    return _section(f"Closed loop, one frame in flight: {', '.join(sorted(models))}", table(head, map(row, results)))


def _race(race: dict[str, Any]) -> str:
    # Ours stand first in the list of contenders.
    best = min((r["latency"]["p50"] for r in race["results"] if r["name"].startswith("nst-rt")), default=None)
    plain = next((r["latency"]["p50"] for r in race["results"] if r["name"].startswith("nst-rt cpu")), None)

    def row(result: dict[str, Any]) -> list[object]:
        p50 = result["latency"]["p50"]
        same = "equal" if result["agreement_db"] is None else f"{result['agreement_db']:.1f}"
        return [
            contender_of(race, result),
            f"{p50:.2f}",
            f"{result['latency']['p90']:.2f}",
            f"{result['frames_per_second']:.1f}",
            f"{p50 / plain:.2f}" if plain else "",
            f"{p50 / best:.2f}" if best else "",
            same,
            f"{result['prepare_ms']:.0f}",
            _noise(result["noise"]),
        ]

    ordered = sorted(race["results"], key=lambda result: float(result["latency"]["p50"]))
    ours = "times nst-rt cpu > | times our fastest >"
    head = f"contender | p50 ms > | p90 > | frames/s > | {ours} | PSNR to the first, dB > | prepare ms > | noise >"
    body = table(head, map(row, ordered))
    if race["skipped"]:
        absent = "; ".join(f"{entry['name']}: {entry['reason']}" for entry in race["skipped"])
        body = "\n\n".join(part for part in (body, f"Not measured: {absent}.") if part)
    what = f"{race['network']} beside ours, {race['ours']}" if mixed(race) else race["network"]
    return _section(f"In turns: {what}, {size_of(race)} (weights {race['weights']})", body)


def ratios(report: Report) -> list[tuple[str, float]]:
    """Headlines: how many times faster, or smaller, ours is within this run."""
    found: list[tuple[str, float]] = []
    races = {
        (race["network"], size_of(race)): {r["name"]: r["latency"]["p50"] for r in race["results"]}
        for race in report["races"]
    }
    for (network, size), times in races.items():
        johnson = times.get("ONNX Runtime, plain")
        ours = {name: p50 for name, p50 in races.get(("built-in", size), {}).items() if name.startswith("nst-rt")}
        if network.startswith("Johnson") and johnson:
            found += [
                (f"built-in on {name}, faster than {network} in plain ONNX Runtime, {size}", johnson / p50)
                for name, p50 in ours.items()
            ]
    for race in report["races"]:
        network, size = race["network"], size_of(race)
        times = races[network, size]
        if mixed(race):
            found += [
                (f"{race['ours']} on {name}, faster than {network} in {peer}, {size}", times[peer] / p50)
                for name, p50 in times.items()
                for peer in ("PyTorch eager", "ONNX Runtime, plain")
                if name.startswith("nst-rt") and peer in times
            ]
            continue
        cpu = times.get("nst-rt cpu fp32")
        for peer, p50 in times.items():
            if not peer.startswith("nst-rt") and cpu:
                found.append((f"{network}, {size}: nst-rt cpu fp32, faster than {peer}", p50 / cpu))
        found += [
            (f"{network}, {size}: {ours}, faster than {peer}", times[peer] / times[ours])
            for peer, ours in COUNTERPARTS.items()
            if peer in times and ours in times
        ]
    starts = {start["name"]: start for start in report["cold_start"] if "p50_ms" in start}
    peer, bare = starts.get("PyTorch, Johnson-32"), starts.get("imports: numpy, OpenCV, ONNX Runtime")
    for name, start in starts.items():
        if name.startswith("nst-rt"):
            if peer:
                found.append(
                    (f"whole process, {name}: faster than PyTorch with Johnson-32", peer["p50_ms"] / start["p50_ms"])
                )
                found.append(
                    (f"whole process, {name}: smaller than PyTorch with Johnson-32", peer["peak_mb"] / start["peak_mb"])
                )
            if bare:
                found.append((f"whole process, {name}: times the bare imports", start["p50_ms"] / bare["p50_ms"]))
                if inference := _one_inference(report, start):
                    least = bare["p50_ms"] + inference
                    found.append((f"{ALLOWANCE.format(name=name)} (1.5 allowed)", start["p50_ms"] / least))
    found += [
        (
            f"video, {video['device']} {video['precision']}, {size_of(video)}: times its slowest stage",
            video["times_slowest"],
        )
        for video in report.get("video", [])
    ]
    return found


def _one_inference(report: Report, start: dict[str, Any]) -> float | None:
    """The closed loop's median at a whole process's size on its device, in the precision that `auto` takes there."""
    device = start["name"].rpartition(" ")[2]
    precision = "fp16" if device in ("cuda", "tensorrt") else "fp32"
    wanted = (device, precision, start.get("width"), start.get("height"), 1)
    for result in report["results"]:
        ran, computed = result["model"]["device"].partition(":")[0], result["model"]["precision"]
        if (ran, computed, result["width"], result["height"], result["batch"]) == wanted:
            return float(result["latency"]["p50"])
    return None


def _ratios(report: Report) -> str:
    rows = [(name, f"{ratio:.2f}") for name, ratio in ratios(report)]
    return _section("Ratios within this run", table("what | ratio >", rows))


def _cold_start(starts: list[dict[str, Any]]) -> str:
    def row(start: dict[str, Any]) -> list[object]:
        if "reason" in start:
            return [start["name"], f"not measured: {start['reason']}", "", "", "", ""]
        card = f"{start['gpu_mb']:.0f}" if "gpu_mb" in start else ""
        return [
            start["name"],
            f"{start['p50_ms']:.0f}",
            f"{start['min_ms']:.0f}",
            f"{start['peak_mb']:.0f}",
            card,
            start["runs"],
        ]

    head = "process | p50 ms > | min ms > | peak host MB > | peak card MB > | runs >"
    return _section("Whole processes: one photograph, from start to written image", table(head, map(row, starts)))


def _throughput(results: list[dict[str, Any]]) -> str:
    rows = (
        [
            f"{result['device']} {result['precision']}",
            size_of(result),
            result["in_flight"],
            result["threads"],
            f"{result['frames_per_second']:.1f}",
            f"{result['latency']['p50']:.2f}",
            f"{result['latency']['p99']:.2f}",
        ]
        for result in results
    )
    head = "device | size | in flight > | threads of each > | frames/s > | p50 ms of a frame > | p99 >"
    return _section("Frames in flight", table(head, rows))


def _switching(results: list[dict[str, Any]]) -> str:
    rows = (
        [
            f"{result['device']} {result['precision']}",
            size_of(result),
            result["kind"],
            f"{result['switches']} ({result['at_switch']['count']})",
            f"{result['without']['p50']:.2f}",
            f"{result['median_times']:.2f}",
            f"{result['largest_times']:.2f}",
            f"{result['largest_times_without']:.2f}",
            _noise(result["noise"]),
        ]
        for result in results
    )
    times = "p50 at a switch ÷ it > | largest at a switch ÷ it > | largest without ÷ it >"
    head = f"device | size | to | switches (frames at them) > | p50 ms without > | {times} | noise >"
    return _section("Live switching of styles: frames at a switch, and as many without one", table(head, rows))


def _pipe(results: list[dict[str, Any]]) -> str:
    rows = (
        [
            f"{result['device']} {result['precision']}",
            size_of(result),
            f"{result['alone']:.2f}",
            f"{result['pipe']:.2f}",
            f"{result['ratio']:.3f}",
            _noise(result["noise"]),
        ]
        for result in results
    )
    head = "device | size | model alone, frames/s > | pipe, frames/s > | pipe ÷ alone > | noise of the ratio >"
    return _section("Pipe: ffmpeg, nst-rt pipe, ffmpeg", table(head, rows))


def _video(videos: list[dict[str, Any]]) -> str:
    def cell(video: dict[str, Any], spent: dict[str, float]) -> str:
        return f"{spent['seconds'] / video['frames'] * 1e3:.1f} ({spent['cpu_seconds'] / video['frames'] * 1e3:.1f})"

    rows = (
        [
            f"{video['device']} {video['precision']}",
            size_of(video),
            video.get("in_flight", 1),
            *(cell(video, spent) for spent in (*video["stages"].values(), video["whole"])),
            f"{video['frames'] / video['whole']['seconds']:.1f}",
            f"{video['times_slowest']:.3f} ({video['slowest']})",
            f"{video['shared_seconds'] / video['frames'] * 1e3:.1f} ({video['cores']})",
            f"{video['times_bound']:.3f}",
            cell(video, alone) if (alone := video.get("one_at_a_time")) else "",
            f"{video['times_one_at_a_time']:.3f}" if alone else "",
            _noise(video["noise"]),
        ]
        for video in videos
    )
    stages = "decode > | stylise > | encode > | all at once > | frames/s >"
    bounds = "÷ slowest stage > | CPU of all ÷ cores > | ÷ the larger bound >"
    alone = "stylise one at a time > | ÷ that >"
    body = table(f"device | size | in flight > | {stages} | {bounds} | {alone} | noise >", rows)
    return _section("Video: milliseconds a frame, in brackets of CPU", body)


def _memory(used: list[dict[str, Any]]) -> str:
    rows = (
        [f"{entry['device']} {entry['precision']}", size_of(entry), f"{entry['peak_mb']:.0f}", entry.get("gpu_mb", "")]
        for entry in used
    )
    return _section(
        "Peak memory of a process that stylises frames", table("device | size | host MB > | card MB >", rows)
    )


def _skipped(skipped: list[dict[str, str]], limits: dict[str, str]) -> str:
    rows = [(entry["section"], entry["name"], entry["reason"]) for entry in skipped]
    rows += [("limits", name, reason) for name, reason in limits.items()]
    return _section("Not measured", table("section | what | why", rows))


def _noise(noise: float | None) -> str:
    return "" if noise is None else f"±{noise * 100:.1f} %"
