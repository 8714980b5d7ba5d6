"""`nst-rt share`: frames to and from another program through shared memory."""

from typing import Annotated

import typer

from nst_rt.cli.frame_options import MatrixOption, check_colors, parse_sides, range_option, size_option
from nst_rt.cli.messages import say
from nst_rt.cli.option_fields import option
from nst_rt.cli.options import LOOK, RUNNING, stylizer_options
from nst_rt.jobs.stylizer_options import StylizerOptions


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("share")(share)


@stylizer_options("style", "model", *LOOK, *RUNNING)
def share(
    name: Annotated[str, option("--name -n", "Of the shared memory, /dev/shm/nst-rt.NAME.", metavar="NAME")],
    options: StylizerOptions,
    size: Annotated[
        str | None,
        size_option("Of the largest frame, 1920x1080 if left out; if given, the network is made ready for it at once."),
    ] = None,
    slots: Annotated[int, option("--slots", "Frames, and as many results, that may wait.", min=1, max=64)] = 3,
    matrix: MatrixOption = "auto",
    range: Annotated[str, range_option("YUV limited, gray full")] = "auto",
    quiet: Annotated[bool, option("--quiet -q", "On stderr nothing but errors.")] = False,
) -> None:
    """Serve stylised frames to a program in C, C++ or Python through shared memory, until Ctrl-C.

    The other side is runtime/cpp (nst_rt/share.h, share.hpp) or nst_rt.shared_memory.ShareClient.
    """
    from nst_rt.cli.signals import signals_interrupt, signals_stop
    from nst_rt.jobs.progress import silent
    from nst_rt.jobs.share_job import open_share

    check_colors(matrix, range)
    sides = parse_sides(size) if size is not None else None
    report = silent if quiet else say
    with (
        signals_interrupt(),
        open_share(name, options, size=sides, slots=slots, matrix=matrix, range=range, report=report) as job,
        signals_stop(job.stop),
    ):
        summary = job.run()
        if summary.frames:
            report(f"ran on {job.device}")
        report(summary.to_text())
