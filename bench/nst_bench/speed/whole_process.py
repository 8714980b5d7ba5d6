"""Whole processes: the time from their start to their first image, and the most memory that they held."""

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
from nst_rt.media.images.sample_image import landscape

from nst_bench.harness import launcher
from nst_bench.harness.noise import relative_noise
from nst_bench.harness.workload import Case, Target

IMPORTS = "import numpy, cv2, onnxruntime"
NST_RT = ("-c", "from nst_rt.cli import main; main()")
"""The `nst-rt` command, after `python`."""
BARE_IMPORTS, PYTORCH = "imports: numpy, OpenCV, ONNX Runtime", "PyTorch, Johnson-32"


def programs(
    photograph: Path, output: Path, *, pytorch: bool, devices: Sequence[str], model: Path | None = None
) -> dict[str, list[str]]:
    """Command lines by name, after `python`.

    Args:
        pytorch: also PyTorch with Johnson-32 as `fast_neural_style` runs it, which takes ten seconds on two cores.
        devices: of nst-rt.
        model: in place of the built-in network.
    """
    commands = {BARE_IMPORTS: ["-c", IMPORTS]}
    for device in devices:
        commands[f"nst-rt image, {device}"] = [
            *(*NST_RT, "image", str(photograph), "-o", str(output)),
            *("--device", device, "--overwrite"),
            *(("--model", str(model)) if model else ()),
        ]
    if pytorch:
        commands[PYTORCH] = ["-m", "nst_bench.speed.photograph_in_pytorch", str(photograph), str(output)]
    return commands


def measure_cold_starts(
    case: Case, runs: int, *, pytorch: bool, devices: Sequence[str], model: Path | None = None
) -> list[dict[str, Any]]:
    """Run each of `programs` `runs` times, in rounds; the first round warms the disk cache and is not counted.

    Returns:
        JSON-ready per program: `name`, `p50_ms` and `min_ms` from the process's start to its end (the image
        written), `noise`, `width`, `height`, `peak_mb` of host memory, `gpu_mb` at most if a GPU was used; or
        `name` and `reason`.
    """
    with tempfile.TemporaryDirectory() as folder:
        photograph, output = Path(folder) / "photograph.jpg", Path(folder) / "stylised.jpg"
        cv2.imwrite(str(photograph), landscape(case.width, case.height))
        commands = programs(photograph, output, pytorch=pytorch, devices=devices, model=model)
        done: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
        failed: dict[str, str] = {}
        for number in range(runs + 1):
            for name, command in commands.items():
                # PyTorch is slow enough to need no warm-up and no more than two runs.
                if name in failed or (name == PYTORCH and not 0 < number <= 2):
                    continue
                try:
                    measured = launcher.run_process(command)
                except (RuntimeError, OSError) as error:
                    failed[name] = str(error)
                    continue
                if number:
                    done[name].append(measured)
    return [
        {"name": name, "reason": failed[name]} if name in failed else _summary(name, case, done[name])
        for name in commands
    ]


def measure_peak_memory(case: Case, target: Target) -> dict[str, Any]:
    """The most memory of a process that stylises two frames.

    Returns:
        JSON-ready: `device`, `precision`, `width`, `height`, `peak_mb` of host memory, `gpu_mb` if a GPU was used.

    Raises:
        RuntimeError: the process failed.
    """
    options = ["--size", f"{case.width}x{case.height}", "--frames", "2", "--warm-up", "0", *target.arguments()]
    measured = launcher.run_process([*NST_RT, "bench", *options])
    found = {"device": target.device, "precision": target.precision, "width": case.width, "height": case.height}
    return found | {name: round(measured[name], 1) for name in ("peak_mb", "gpu_mb") if name in measured}


def _summary(name: str, case: Case, runs: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    seconds = [run["seconds"] for run in runs]
    gpu = [run["gpu_mb"] for run in runs if "gpu_mb" in run]
    return {
        "name": name,
        "width": case.width,
        "height": case.height,
        "runs": len(runs),
        "p50_ms": round(statistics.median(seconds) * 1e3, 1),
        "min_ms": round(min(seconds) * 1e3, 1),
        "noise": relative_noise(seconds),
        "peak_mb": round(max(run["peak_mb"] for run in runs), 1),
        **({"gpu_mb": max(gpu)} if gpu else {}),
    }
