"""`nst-rt compare`. Imports nothing heavy until it runs."""

import json

import typer
from nst_export.pytorch import require_torch
from nst_rt.cli.messages import say
from nst_rt.cli.option_fields import option_fields
from nst_rt.cli.options import JsonOption
from nst_rt.errors import INTERRUPTED

from nst_bench.compare.compare_options import CompareOptions


@option_fields(CompareOptions)
def compare(options: CompareOptions, as_json: JsonOption = False) -> None:
    """Compare every method on one photograph and one painting: seconds, memory, losses, and the images.

    The built-in network by name, by style encoder and with a tuned vector; the models given with -c; and optimisation
    with Gram and statistics loss, L-BFGS and Adam, minutes each on a CPU. A method that fails is shown as failed and
    the rest continues (exit 1); Ctrl-C writes what there is (exit 130).
    """
    require_torch("comparing", options.threads)
    from nst_rt.cli.progress import progress_bar
    from nst_rt.cli.signals import signals_interrupt

    from nst_bench.compare.compare_methods import compare_methods

    with signals_interrupt():
        done = compare_methods(options, say, progress_bar)
    say(f"{options.output / 'compare.html'}: {done.painted} of {done.methods} methods; beside it compare.md, "
        "compare.json and compare.jpg")  # fmt: skip
    if as_json:
        typer.echo(json.dumps(done.report, ensure_ascii=False, indent=2))
    if done.interrupted:
        raise typer.Exit(INTERRUPTED)
    if done.failed:
        raise typer.Exit(2 if done.failed == done.methods else 1)
