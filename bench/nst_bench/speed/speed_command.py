"""What `nst-rt bench` does with a suite and with an old report."""

import contextlib
import json
from pathlib import Path
from typing import Any

from nst_rt.cli.messages import say
from nst_rt.errors import DependencyError, DeviceError, InputError
from nst_rt.files.atomic import refuse_unwritable, replacing
from nst_rt.models.catalog import BUILT_IN, find_model

from nst_bench.speed import comparison, plot
from nst_bench.speed import speed_report as report
from nst_bench.speed.suite import SUITES, SuiteRun, installed_devices


def run_suite(
    name: str, *, model: str | None, device: str, precision: str, threads: int | None, output: Path | None
) -> dict[str, Any]:
    """Run a suite, keeping the report in `output` after every step; with it go OUT.md and OUT.png.

    Args:
        model: as for `Stylizer.load`.
        device: one alone, or `auto` for all that are installed.

    Returns:
        The report.

    Raises:
        DeviceError: no installed device computes the model in `precision`.
        NstError: the model is not there, or `output` cannot be written.
    """
    if output is not None:
        refuse_unwritable(output)
    files = find_model(model or BUILT_IN)
    devices = installed_devices(files)
    if device != "auto":
        here = [pair for pair in devices if pair[0] == device and precision in ("auto", pair[1])]
        devices = here or [(device, precision)]
    elif precision != "auto":
        offered = ", ".join(" ".join(pair) for pair in devices)
        devices = [pair for pair in devices if pair[1] == precision]
        if not devices:
            raise DeviceError(
                f"no device here computes {files.path.name} in {precision} ({offered}). Choose one of these"
            )

    def keep(found: dict[str, Any]) -> None:
        if output is not None:
            write_json(found, output)

    file = files.path if model else None
    found = SuiteRun(name, SUITES[name], model=file, devices=devices, threads=threads, keep=keep, say=say).run()
    if output is not None:
        with replacing(output.with_suffix(".md")) as temporary:
            temporary.write_text(report.markdown(found), encoding="utf-8")
        try:
            with replacing(output.with_suffix(".png")) as temporary:
                plot.draw(found, temporary)
        except DependencyError as error:
            say(f"no plot: {error}")
    return found


def write_json(found: dict[str, Any], path: Path) -> None:
    """Whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def read_report(path: Path) -> dict[str, Any]:
    """A report that `nst-rt bench` wrote.

    Raises:
        InputError: it is not there, or something else.
    """
    with contextlib.suppress(ValueError):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(
                f"{path}: cannot be read ({error.strerror}). Give a file of nst-rt bench --json"
            ) from error
        if isinstance(found, dict) and "machine" in found and "results" in found:
            return found
    raise InputError(f"{path}: no report of nst-rt bench. Give a file that --json wrote")


def compared(old: dict[str, Any], new: dict[str, Any]) -> str:
    """The comparison as Markdown."""
    rows = comparison.compare(old, new)
    if not rows:
        return "The two reports have no measurement in common.\n"
    return comparison.markdown(rows, old, new)
