"""`nst-rt bench`: how fast does it run here, and with `quality`, how good does it look?"""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core
from nst_rt.cli.messages import say
from nst_rt.cli.option_fields import option
from nst_rt.cli.options import LOOK, RUNNING, JsonOption, stylizer_options
from nst_rt.jobs.stylizer_options import StylizerOptions

from nst_bench.quality.quality_command import quality

if TYPE_CHECKING:
    from nst_bench.speed.closed_loop import LatencyOptions

WITHOUT_A_SUITE = ("style", "strength", "color", "stroke_size", "size", "frames", "warm_up", "batch")
"""Parameters of the command that a suite does not have."""


class _JsonMayNameAFile(typer.core.TyperGroup):
    """`--json` alone prints; `--json OUT.json` writes, as `--output OUT.json` does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer's; a file name after `--json` makes it `--output`."""
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
@stylizer_options("style", "model", *RUNNING, *LOOK)
def bench(
    context: typer.Context,
    options: StylizerOptions,
    size: Annotated[list[str] | None, option("--size", "WIDTHxHEIGHT; may be given several times.")] = None,
    frames: Annotated[int, option("--frames", "Frames that are timed.", min=2)] = 100,
    warm_up: Annotated[int, option("--warm-up", "Frames before them that are not timed.", min=0)] = 10,
    batch: Annotated[int, option("--batch", "Frames per call.", min=1)] = 1,
    output: Annotated[
        Path | None, option("--output -o", "Also write the JSON to this file; so does --json OUT.json.")
    ] = None,
    suite: Annotated[
        SuiteName | None,
        option("--suite", "Sizes, devices, peers, whole processes: quick (two minutes) or full (fifteen minutes)."),
    ] = None,
    compare: Annotated[
        Path | None, option("--compare", "The JSON of an earlier run: ratios to it, and whether they exceed the noise.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a style at one or several sizes: warm-up, then frames per second and p50/p90/p99 of every stage.

    With --suite: everything that a machine is judged by, and OUT.md and OUT.png beside OUT.json.
    """
    if context.invoked_subcommand is not None:
        return
    if suite is not None and any(_is_given(context, name) for name in WITHOUT_A_SUITE):
        raise typer.BadParameter(
            "a suite has its own sizes, frames and batches, and takes the model's first style as it is",
            param_hint="--suite",
        )
    from nst_bench.harness.workload import Target
    from nst_bench.speed.closed_loop import SIZES, LatencyOptions
    from nst_bench.speed.report_comparison import compare_reports, comparison_markdown, read_report

    old = None if compare is None else read_report(compare)
    target = Target(options.device, options.precision, options.model, options.threads)
    if suite is not None:
        from nst_bench.speed.speed_report import markdown
        from nst_bench.speed.suite import SuiteOptions, run_suite

        report = run_suite(SuiteOptions(suite=suite.value, target=target, output=output), say)
        typer.echo(json.dumps(report, indent=2) if as_json else markdown(report))
    else:
        latency = LatencyOptions(
            style=options.style,
            strength=options.strength,
            color=options.color,
            stroke_size=options.stroke_size,
            target=target,
            sizes=size or SIZES,
            frames=frames,
            warm_up=warm_up,
            batch=batch,
        )
        report = _measure(latency, output)
        if as_json:
            typer.echo(json.dumps(report, indent=2))
        else:
            _show(report)
    if old is not None:
        typer.echo(comparison_markdown(compare_reports(old, report), old, report), err=as_json)


def _is_given(context: typer.Context, parameter: str) -> bool:
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def _measure(options: "LatencyOptions", output: Path | None) -> dict[str, Any]:
    from nst_rt.cli.progress import progress_bar

    from nst_bench.harness.documents import as_json, write_texts
    from nst_bench.speed.closed_loop import measure_latencies

    with progress_bar(len(options.sizes) * options.frames, "frames") as advance:
        report = measure_latencies(options, advance)
    if output is not None:
        write_texts(output.parent, {output.name: as_json(report)})
    return report


def _show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from nst_bench.harness.machine import machine_line
    from nst_bench.speed.metrics import size_of

    console = Console()
    first = report["results"][0]["model"]
    strokes = "" if first["stroke_size"] == 1 else f", stroke size {first['stroke_size']:g}"
    console.print(machine_line(report["machine"]), highlight=False)
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
