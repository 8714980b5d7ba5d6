"""`nst-rt video`: a video stylised frame by frame, with its time stamps and its audio."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from nst_rt.cli.messages import say
from nst_rt.cli.option_fields import option
from nst_rt.cli.options import LOOK, MASK, RUNNING, JsonOption, OverwriteOption, output_option, stylizer_options
from nst_rt.files.paths import local_path
from nst_rt.jobs.stylizer_options import StylizerOptions


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("video")(video)


def _video_time(text: str) -> Fraction:
    """Seconds of a time of a video, as an option's value.

    Raises:
        typer.BadParameter: it is none.
    """
    from nst_rt.styles.timeline import TIMES, read_time

    seconds = read_time(text)
    if seconds is None:
        raise typer.BadParameter(f"{text!r} is no time; {TIMES} are")
    # The number that was written, not the nearest one of powers of two: a video's times are compared exactly.
    return Fraction(seconds).limit_denominator(1_000_000)


@stylizer_options("style", "model", *LOOK, "match_colors", "timeline", *MASK, *RUNNING, "in_flight")
def video(
    video: Annotated[
        Path, typer.Argument(metavar="VIDEO", parser=local_path, help="A video of any format that FFmpeg reads.")
    ],
    *,
    output: Annotated[
        Path | None,
        output_option(
            "The stylised video: .mp4, .mov or .mkv; VIDEO.STYLE.mp4 beside VIDEO if left out, "
            "with settings that are not the usual ones: video.gogh.strength-0.5.mp4."
        ),
    ] = None,
    options: StylizerOptions,
    size: Annotated[
        int | None,
        option("--size", "Scale down to this many pixels on the long side at most; both become even.", min=16),
    ] = None,
    start: Annotated[
        Fraction | None,
        option(
            "--start", "Begin at this time of the video: 80, 80s, 1m20s or 1:20.", metavar="TIME", parser=_video_time
        ),
    ] = None,
    duration: Annotated[
        Fraction | None,
        option(
            "--duration", "Stop after this time: 5s, to see what it will look like.", metavar="TIME", parser=_video_time
        ),
    ] = None,
    crf: Annotated[int, option("--crf", "H.264 quality; smaller is better and larger.", min=0, max=51)] = 18,
    preset: Annotated[str, option("--preset", "x264's: ultrafast ... medium ... veryslow.")] = "veryfast",
    audio: Annotated[bool, option("--audio/--no-audio", "Copy the video's audio.")] = True,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Stylise a video: every frame, its exact time stamps, and its audio as it is.

    A video that is cut short is stylised to its end and kept, with exit code 1. The mask may be a video too.
    With --start and --duration a part of it: times of --timeline stay those of the whole video.
    """
    from nst_rt.cli.progress import job_bar
    from nst_rt.cli.signals import signals_interrupt
    from nst_rt.jobs.video_job import stylize_video

    with signals_interrupt(), job_bar() as progress:
        summary = stylize_video(
            video,
            output,
            options,
            size=size,
            start=start or Fraction(0),
            duration=duration,
            crf=crf,
            preset=preset,
            audio=audio,
            overwrite=overwrite,
            progress=progress,
            report=say,
        )
    if summary.warning:
        say(f"{video}: {summary.warning}; kept what there is in {summary.target}")
    say(
        f"{summary.target}: {summary.frames} frames, {summary.duration:.2f} s of video in {summary.seconds:.1f} s, "
        f"{summary.fps:.1f} frames/s on {summary.stylizer.get('device', 'an unknown device')}"
    )
    if as_json:
        typer.echo(json.dumps(summary.to_json(), ensure_ascii=False, indent=2))
    if summary.warning:
        raise typer.Exit(1)
