"""`nst-rt pipe`: frames on stdin, stylised frames on stdout, inside other people's pipelines."""

import re
from fractions import Fraction
from typing import Annotated

import typer

from nst_rt.cli.frame_options import MatrixOption, check_choice, check_colors, parse_sides, range_option, size_option
from nst_rt.cli.messages import say
from nst_rt.cli.option_fields import option
from nst_rt.cli.options import LOOK, MASK, RUNNING, stylizer_options
from nst_rt.errors import INTERRUPTED
from nst_rt.jobs.stylizer_options import StylizerOptions

EXIT_CODES_HELP = (
    "Exit codes: 0 the stream ended between two frames, 2 a wrong option, style, model or device, or a terminal, "
    "3 the header is no good or the size changed on the way, 4 the stream ended inside a frame, 5 the program that "
    "reads the frames is gone, 70 a fault of nst-rt, 130 interrupted (Ctrl-C, kill)."
)


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("pipe", epilog=EXIT_CODES_HELP)(pipe)


@stylizer_options("style", "model", *LOOK, "match_colors", "timeline", *MASK, *RUNNING)
def pipe(
    options: StylizerOptions,
    format: Annotated[
        str,
        option(
            "--format -f",
            "What comes: yuv4mpegpipe, or raw bgr24, rgb24, rgba, gray, nv12, yuv420p, yuv422p, yuv444p.",
            metavar="NAME",
        ),
    ] = "yuv4mpegpipe",
    output_format: Annotated[
        str | None, option("--output-format", "What goes out; the same if left out.", metavar="NAME")
    ] = None,
    size: Annotated[str | None, size_option("Of raw frames; yuv4mpegpipe says it itself.")] = None,
    matrix: MatrixOption = "auto",
    range: Annotated[str, range_option("as yuv4mpegpipe says, else limited; gray full")] = "auto",
    rate: Annotated[
        str | None,
        option(
            "--rate",
            "Frames a second, where the frames do not say: for --timeline, and for raw ones that go out as "
            "yuv4mpegpipe.",
            metavar="N[/D]",
        ),
    ] = None,
    quiet: Annotated[bool, option("--quiet -q", "On stderr nothing but errors.")] = False,
) -> None:
    """Stylise frames between two programs: stdin to stdout, every frame, each as soon as it is whole.

    ffmpeg -i video.mp4 -f yuv4mpegpipe - | nst-rt pipe --style gogh | ffplay -f yuv4mpegpipe -
    """
    from nst_rt.cli.signals import signals_interrupt, signals_stop
    from nst_rt.jobs.pipe_job import PipeFormat, PipeJob
    from nst_rt.jobs.progress import silent
    from nst_rt.media.raw_frames.byte_streams import StopRequest
    from nst_rt.media.raw_frames.standard_streams import frames_from_stdin, frames_to_stdout
    from nst_rt.media.raw_frames.stream_format import FORMATS

    check_choice("--format", format, FORMATS)
    check_choice("--output-format", output_format or format, FORMATS)
    check_colors(matrix, range)
    report = silent if quiet else say
    job = PipeJob(
        options,
        PipeFormat(
            format=format,
            output_format=output_format,
            size=parse_sides(size) if size is not None else None,
            matrix=matrix,
            range=range,
            frame_rate=_frame_rate(rate) if rate is not None else None,
        ),
    )
    stop = StopRequest()
    with (
        signals_interrupt(),
        frames_to_stdout(stop) as stdout,
        job.opened(frames_from_stdin(stop), stdout, stop, report) as frame_pipe,
        signals_stop(frame_pipe.stop) as signals,
    ):
        summary = frame_pipe.run()
    report(summary.to_text())
    if signals:
        if summary.error is not None:
            say(str(summary.error))
        raise typer.Exit(INTERRUPTED)
    if summary.error is not None:
        raise summary.error


def _frame_rate(rate: str) -> Fraction:
    found = re.fullmatch(r"(\d{1,9})(?:[/:](\d{1,9}))?", rate, re.ASCII)
    if found is None or not int(found[1]) or not int(found[2] or 1):
        raise typer.BadParameter(f"{rate!r} is no frame rate. Write 25 or 30000/1001", param_hint="--rate")
    return Fraction(int(found[1]), int(found[2] or 1))
