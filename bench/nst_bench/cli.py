"""`nst-rt bench`: how fast does it run here?"""

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from nst_rt.cli.options import (
    ColorOption,
    DeviceOption,
    JsonOption,
    ModelOption,
    PrecisionOption,
    StrengthOption,
    StyleOption,
    ThreadsOption,
)

app = typer.Typer(help="Measure latency: host bytes in to host bytes out, one frame in flight.")


@app.callback(invoke_without_command=True)
def bench(
    style: StyleOption = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    strength: StrengthOption = 1.0,
    color: ColorOption = 1.0,
    size: Annotated[list[str] | None, typer.Option("--size", help="WIDTHxHEIGHT; may be given several times.")] = None,
    frames: Annotated[int, typer.Option(min=2, help="Frames that are timed.")] = 100,
    warm_up: Annotated[int, typer.Option("--warm-up", min=0, help="Frames before that, not timed.")] = 10,
    batch: Annotated[int, typer.Option(min=1, help="Frames per call.")] = 1,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write the JSON to this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a style at one or several sizes: warm-up, then frames per second and p50/p90/p99 of every stage."""
    import json

    from nst_rt.cli.progress import progress_bar
    from nst_rt.sinks.atomic import replacing
    from nst_rt.stylizer import Stylizer

    from nst_bench.latency import Case, measure
    from nst_bench.machine import describe_machine

    cases = [Case(*_parse_size(text), batch) for text in size or ["640x480", "1280x720"]]
    results = []
    options: dict[str, Any] = {"device": device, "precision": precision, "threads": threads}
    with (
        Stylizer.load(style, model=model, strength=strength, color=color, **options) as stylizer,
        progress_bar(len(cases) * frames, "frames") as advance,
    ):
        for case in cases:
            results.append(measure(stylizer, case, frames=frames, warm_up=warm_up, progress=advance))
    report = {"machine": describe_machine(), "results": results}
    text = json.dumps(report, indent=2)
    if output is not None:
        with replacing(output) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    if as_json:
        typer.echo(text)
    else:
        _show(report)


def _parse_size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text.strip().lower())
    if not match or min(int(match[1]), int(match[2])) < 16:
        raise typer.BadParameter(
            f"{text!r} is not WIDTHxHEIGHT with both sides 16 or more, such as 1280x720", param_hint="--size"
        )
    return int(match[1]), int(match[2])


def _show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    machine, first = report["machine"], report["results"][0]["model"]
    cards = f", {', '.join(machine['gpus'])}" if machine["gpus"] else ""
    console.print(f"{machine['processor']}, {machine['logical_cores']} cores{cards}", highlight=False)
    console.print(
        f"{first['model']} ({first['family']}, {first['precision']}) on {first['device']} by {first['provider']}, "
        f"ONNX Runtime {first['onnxruntime']}, CUDA graph {'on' if first['cuda_graph'] else 'off'}",
        highlight=False,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("size", "stage", "p50 ms", "p90 ms", "p99 ms", "max ms", "frames/s", "first call ms"):
        table.add_column(name, justify="left" if name in ("size", "stage") else "right")
    for result in report["results"]:
        size = f"{result['width']}x{result['height']}" + (f" x{result['batch']}" if result["batch"] > 1 else "")
        extra = [f"{result['frames_per_second']:.1f}", f"{result['first_call_ms']:.0f}"]
        table.add_row(size, "call", *_milliseconds(result["latency"]), *extra)
        for stage, values in result["stages"].items():
            table.add_row("", f"  {stage}", *_milliseconds(values), style="dim")
    console.print(table)


def _milliseconds(values: dict[str, float]) -> list[str]:
    return [f"{values[key]:.2f}" for key in ("p50", "p90", "p99", "max")]
