"""Whole processes: from their start to their first image, and the most memory that they held."""

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
from nst_rt.media.images.sample_image import landscape

from nst_bench.harness.latency import Case
from nst_bench.harness.launcher import run_process
from nst_bench.harness.noise import relative_noise

IMPORTS = "import numpy, cv2, onnxruntime"
NST_RT = "from nst_rt.cli import main; main()"


def programs(
    photograph: Path, output: Path, *, johnson: bool, devices: Sequence[str], model: Path | None = None
) -> dict[str, list[str]]:
    """Command lines by name, after `python`.

    Args:
        johnson: also PyTorch running Johnson-32 the `fast_neural_style` way, which takes ten seconds on two cores.
        devices: that nst-rt is started on.
        model: in place of the built-in network.
    """
    commands = {"imports: numpy, OpenCV, ONNX Runtime": ["-c", IMPORTS]}
    for device in devices:
        commands[f"nst-rt image, {device}"] = [
            *("-c", NST_RT, "image", str(photograph), "-o", str(output)),
            *("--device", device, "--overwrite"),
            *(("--model", str(model)) if model else ()),
        ]
    if johnson:
        script = "nst_bench.speed.photograph_in_pytorch"
        commands["PyTorch, Johnson-32"] = ["-m", script, str(photograph), str(output)]
    return commands


def measure_cold_starts(
    case: Case, runs: int, *, johnson: bool, devices: Sequence[str], model: Path | None = None
) -> list[dict[str, Any]]:
    """Each of `programs` `runs` times, in turns; the first turn warms the disk's cache and is not counted.

    Returns:
        JSON-ready per program: `name`, `p50_ms` and `min_ms` from the process's start to its end (the image
        written), `noise`, `width`, `height`, `peak_mb` of host memory, `gpu_mb` at most where a card was used; or
        `name` and `reason`.
    """
    with tempfile.TemporaryDirectory() as folder:
        # A JPEG in and a JPEG out, which is what a user gets who names no result.
        photograph, output = Path(folder) / "photograph.jpg", Path(folder) / "stylised.jpg"
        cv2.imwrite(str(photograph), landscape(case.width, case.height))
        results = []
        commands = programs(photograph, output, johnson=johnson, devices=devices, model=model)
        done: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
        failed: dict[str, str] = {}
        for turn in range(runs + 1):
            for name, command in commands.items():
                # The peer is slow enough to need no warm-up and no more than two runs.
                if name in failed or (name.startswith("PyTorch") and not 0 < turn <= 2):
                    continue
                try:
                    ran = run_process(command)
                except (RuntimeError, OSError) as error:
                    failed[name] = str(error)
                    continue
                if turn:
                    done[name].append(ran)
        for name in commands:
            results.append(
                {"name": name, "reason": failed[name]} if name in failed else _summary(name, case, done[name])
            )
    return results


def _summary(name: str, case: Case, runs: list[dict[str, float]]) -> dict[str, Any]:
    seconds = [run["seconds"] for run in runs]
    cards = [run["gpu_mb"] for run in runs if "gpu_mb" in run]
    return {
        "name": name,
        "width": case.width,
        "height": case.height,
        "runs": len(runs),
        "p50_ms": round(statistics.median(seconds) * 1e3, 1),
        "min_ms": round(min(seconds) * 1e3, 1),
        "noise": relative_noise(seconds),
        "peak_mb": round(max(run["peak_mb"] for run in runs), 1),
        **({"gpu_mb": max(cards)} if cards else {}),
    }
