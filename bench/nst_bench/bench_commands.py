"""`nst-rt bench`: how fast does it run here, and with `quality`, how good does it look?"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
from nst_rt.cli.options import (
    ColorOption,
    DeviceOption,
    JsonOption,
    ModelOption,
    OneStyleOption,
    PrecisionOption,
    StrengthOption,
    StrokeSizeOption,
    ThreadsOption,
    one_style,
)

from nst_bench.quality.quality_command import quality

NOT_OF_A_SUITE = ("style", "strength", "color", "stroke_size", "size", "frames", "warm_up", "batch")
"""Parameters of the command that only sizes of one's own have."""


class _JsonMayNameAFile(typer.core.TyperGroup):
    """`--json` alone prints; `--json OUT.json` writes, as `--output OUT.json` does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer's; a value after `--json` makes it `--output`."""
        for index in range(len(args) - 1):
            if args[index] in self.commands:
                break
            if args[index] == "--json" and args[index + 1].endswith(".json"):
                args[index] = "--output"
        return super().parse_args(ctx, args)


class SuiteName(StrEnum):
    """Choices of --suite."""

    quick = "quick"
    full = "full"


app = typer.Typer(help="Measure latency: host bytes in to host bytes out, one frame in flight.", cls=_JsonMayNameAFile)
app.command()(quality)


@app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    style: OneStyleOption = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    strength: StrengthOption = 1.0,
    color: ColorOption = 1.0,
    stroke_size: StrokeSizeOption = 1.0,
    size: Annotated[list[str] | None, typer.Option("--size", help="WIDTHxHEIGHT; may be given several times.")] = None,
    frames: Annotated[int, typer.Option(min=2, help="Frames that are timed.")] = 100,
    warm_up: Annotated[int, typer.Option("--warm-up", min=0, help="Frames before that, not timed.")] = 10,
    batch: Annotated[int, typer.Option(min=1, help="Frames per call.")] = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write the JSON to this file; so does --json OUT.json.")
    ] = None,
    suite: Annotated[
        SuiteName | None,
        typer.Option("--suite", help="Sizes, devices, peers, whole processes: quick (two minutes) or full (fifteen)."),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", help="An older JSON: ratios to it, and whether they are more than noise."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a style at one or several sizes: warm-up, then frames per second and p50/p90/p99 of every stage.

    With --suite, everything that a machine is judged by: beside OUT.json go OUT.md and OUT.png.
    """
    if context.invoked_subcommand is not None:
        return
    if suite is not None and any(_is_given(context, name) for name in NOT_OF_A_SUITE):
        raise typer.BadParameter(
            "a suite has its own sizes, frames and batches, and takes the model's first style as it is",
            param_hint="--suite",
        )
    import json

    old = None
    if compare is not None:
        from nst_bench.speed.speed_command import read_report

        old = read_report(compare)
    if suite is not None:
        from nst_bench.speed.speed_command import run_suite
        from nst_bench.speed.speed_report import markdown

        options: dict[str, Any] = {"model": model, "device": device, "precision": precision, "threads": threads}
        report = run_suite(suite.value, **options, output=output)
        typer.echo(json.dumps(report, indent=2) if as_json else markdown(report))
    else:
        options = {"model": model, "device": device, "precision": precision, "threads": threads}
        options |= {"style": one_style(style), "strength": strength, "color": color, "stroke_size": stroke_size}
        report = _measure(options, size, frames, warm_up, batch)
        if output is not None:
            from nst_bench.speed.speed_command import write_json

            write_json(report, output)
        if as_json:
            typer.echo(json.dumps(report, indent=2))
        else:
            _show(report)
    if old is not None:
        from nst_bench.speed.speed_command import compared

        typer.echo(compared(old, report), err=as_json)


def _is_given(context: typer.Context, parameter: str) -> bool:
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def _measure(loading: dict[str, Any], size: list[str] | None, frames: int, warm_up: int, batch: int) -> dict[str, Any]:
    from nst_rt.cli.progress import progress_bar
    from nst_rt.stylizer.stylizer import Stylizer

    from nst_bench.harness.latency import Case, measure
    from nst_bench.harness.machine import describe_machine

    cases = [Case(*_parse_size(text), batch) for text in size or ["640x480", "1280x720"]]
    results = []
    with (
        Stylizer.load(**loading) as stylizer,
        progress_bar(len(cases) * frames, "frames") as advance,
    ):
        for case in cases:
            results.append(measure(stylizer, case, frames=frames, warm_up=warm_up, progress=advance))
    return {"machine": describe_machine(), "results": results}


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

    from nst_bench.speed.entries import size_of

    console = Console()
    machine, first = report["machine"], report["results"][0]["model"]
    strokes = "" if first["stroke_size"] == 1 else f", strokes of {first['stroke_size']:g} times the size"
    cards = f", {', '.join(machine['gpus'])}" if machine["gpus"] else ""
    console.print(f"{machine['processor']}, {machine['logical_cores']} cores{cards}", highlight=False)
    console.print(
        f"{first['model']} ({first['family']}, {first['precision']}) on {first['device']} by {first['provider']}, "
        f"ONNX Runtime {first['onnxruntime']}, CUDA graph {'on' if first['cuda_graph'] else 'off'}"
        f"{strokes}",
        highlight=False,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("size", "stage", "p50 ms", "p90 ms", "p99 ms", "max ms", "frames/s", "first call ms"):
        table.add_column(name, justify="left" if name in ("size", "stage") else "right")
    for result in report["results"]:
        extra = [f"{result['frames_per_second']:.1f}", f"{result['first_call_ms']:.0f}"]
        table.add_row(size_of(result), "call", *_milliseconds(result["latency"]), *extra)
        for stage, values in result["stages"].items():
            table.add_row("", f"  {stage}", *_milliseconds(values), style="dim")
    console.print(table)


def _milliseconds(values: dict[str, float]) -> list[str]:
    return [f"{values[key]:.2f}" for key in ("p50", "p90", "p99", "max")]
