"""`nst-rt pipe`: frames on stdin, stylised frames on stdout, inside other people's pipelines."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from itertools import count, repeat
from typing import TYPE_CHECKING, Annotated

import typer

from nst_rt.cli.frame_options import MatrixOption, check_choice, parse_sides
from nst_rt.cli.messages import say
from nst_rt.cli.options import (
    ColorOption,
    DeviceOption,
    FeatherOption,
    MaskOption,
    MatchColorsOption,
    ModelOption,
    OneStyleOption,
    OutsideOption,
    PrecisionOption,
    RegionsOption,
    StrengthOption,
    StrokeSizeOption,
    ThreadsOption,
    TimelineOption,
    one_style,
)
from nst_rt.errors import INTERRUPTED

if TYPE_CHECKING:
    from nst_rt.media.raw_frames.byte_streams import ByteReader
    from nst_rt.media.raw_frames.stream_format import StreamFormat

EXIT_CODES_HELP = (
    "Exit codes: 0 the stream ended between two frames, 2 a wrong option, style, model or device, or a terminal, "
    "3 the header is no good or the size changed on the way, 4 the stream ended inside a frame, 5 the program that "
    "reads the frames is gone, 70 a fault of nst-rt, 130 interrupted (Ctrl-C, kill)."
)


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("pipe", epilog=EXIT_CODES_HELP)(pipe)


def pipe(
    style: OneStyleOption = None,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            metavar="NAME",
            help="What comes: yuv4mpegpipe, or raw bgr24, rgb24, rgba, gray, nv12, yuv420p, yuv422p, yuv444p.",
        ),
    ] = "yuv4mpegpipe",
    output_format: Annotated[
        str | None,
        typer.Option(
            "--output-format", metavar="NAME", show_default=False, help="What goes out; the same if left out."
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WxH", show_default=False, help="Of raw frames; yuv4mpegpipe says it itself."),
    ] = None,
    matrix: MatrixOption = "auto",
    range: Annotated[
        str,
        typer.Option(
            "--range",
            metavar="NAME",
            help="Of YUV and gray: limited (16 to 235), full, or auto: as yuv4mpegpipe says, else limited; gray full.",
        ),
    ] = "auto",
    rate: Annotated[
        str | None,
        typer.Option(
            "--rate",
            metavar="N[/D]",
            show_default=False,
            help="Frames a second, where the frames do not say: for --timeline, and for raw ones that go out as "
            "yuv4mpegpipe.",
        ),
    ] = None,
    model: ModelOption = None,
    strength: StrengthOption = 1.0,
    color: ColorOption = 1.0,
    stroke_size: StrokeSizeOption = 1.0,
    match_colors: MatchColorsOption = "none",
    timeline: TimelineOption = None,
    mask: MaskOption = None,
    outside: OutsideOption = None,
    regions: RegionsOption = None,
    feather: FeatherOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="On stderr nothing but errors.")] = False,
) -> None:
    """Stylise frames between two programs: stdin to stdout, every frame, each as soon as it is whole.

    ffmpeg -i video.mp4 -f yuv4mpegpipe - | nst-rt pipe --style gogh | ffplay -f yuv4mpegpipe -
    """
    from nst_rt.cli.signals import signals_interrupt, signals_stop
    from nst_rt.jobs.pipe import run_pipe
    from nst_rt.jobs.style_request import read_controls
    from nst_rt.media.raw_frames.byte_streams import StopRequest
    from nst_rt.media.raw_frames.color_matrix import MATRICES, RANGES
    from nst_rt.media.raw_frames.raw_reader import RawVideoReader
    from nst_rt.media.raw_frames.raw_writer import RawVideoWriter
    from nst_rt.media.raw_frames.standard_streams import frames_from_stdin, frames_to_stdout
    from nst_rt.media.raw_frames.stream_format import FORMATS
    from nst_rt.stylizer.stylizer import Stylizer

    check_choice("--format", format, FORMATS)
    check_choice("--output-format", output_format or format, FORMATS)
    check_choice("--matrix", matrix, ("auto", *MATRICES))
    check_choice("--range", range, ("auto", *RANGES))
    sides = _sides(size, format)
    frame_rate = _rate(rate, format, output_format or format, timed=timeline is not None)
    controls = read_controls(
        one_style(style),
        timeline=timeline,
        mask=mask,
        outside=outside,
        regions=regions,
        feather=feather,
        match_colors=match_colors,
    )
    load = partial(
        Stylizer.load,
        device=device,
        precision=precision,
        strength=strength,
        color=color,
        stroke_size=stroke_size,
        threads=threads,
    )
    stop = StopRequest()
    with signals_interrupt(), frames_to_stdout(stop) as stdout:
        stdin = frames_from_stdin(stop)
        with ExitStack() as opened, controls.load(load, model) as stylizer:
            player = controls.player(stylizer)
            stylize = controls.masked(stylizer, opened, load, video=True)
            coming = _coming(stdin, format, sides, matrix, range)
            seconds = _frame_times(coming, frame_rate) if player is not None else repeat(0.0)
            going = coming.converted(output_format or format, range=range, rate=frame_rate)
            if not quiet:
                say(f"in: {coming}; out: {going}")
                for notice in _notices(coming, going):
                    say(f"note: {notice}")
            stylize.warm_up(coming.height, coming.width)
            if not quiet:
                say(f"running on {stylizer.device}")
            stdin.widen(coming.frame_bytes)
            stdout.widen(going.frame_bytes)
            at_time = controls.at_times(stylize, player)
            with signals_stop(stop.ask) as signals:
                summary = run_pipe(
                    RawVideoReader(stdin, coming),
                    lambda frame: at_time(frame, next(seconds))(),
                    RawVideoWriter(stdout, going),
                    stop,
                )
    if not quiet:
        say(summary.to_text())
    if signals:
        if summary.error is not None:
            say(str(summary.error))
        raise typer.Exit(INTERRUPTED)
    if summary.error is not None:
        raise summary.error


def _sides(size: str | None, format: str) -> tuple[int, int] | None:
    from nst_rt.media.raw_frames.stream_format import Y4M

    if format == Y4M:
        if size is not None:
            raise typer.BadParameter(
                f"{Y4M} says its size itself. For raw frames give their --format too, such as bgr24",
                param_hint="--size",
            )
        return None
    if size is None:
        raise typer.BadParameter(
            f"raw {format} does not say its size. Give --size, such as 1280x720", param_hint="--size"
        )
    return parse_sides(size)


def _rate(rate: str | None, format: str, output_format: str, *, timed: bool) -> Fraction | None:
    from nst_rt.media.raw_frames.stream_format import Y4M

    if rate is None:
        if timed and format != Y4M:
            raise typer.BadParameter(
                f"raw {format} does not say its rate, which --timeline counts by. Give --rate, such as 25",
                param_hint="--rate",
            )
        return None
    if not timed and (format == Y4M or output_format != Y4M):
        raise typer.BadParameter(f"only for raw frames that go out as {Y4M}, and for --timeline", param_hint="--rate")
    found = re.fullmatch(r"(\d{1,9})(?:[/:](\d{1,9}))?", rate, re.ASCII)
    if found is None or not int(found[1]) or not int(found[2] or 1):
        raise typer.BadParameter(f"{rate!r} is no frame rate. Write 25 or 30000/1001", param_hint="--rate")
    return Fraction(int(found[1]), int(found[2] or 1))


def _coming(stdin: "ByteReader", format: str, sides: tuple[int, int] | None, matrix: str, range: str) -> "StreamFormat":
    from nst_rt.media.raw_frames.raw_reader import read_y4m_header
    from nst_rt.media.raw_frames.stream_format import StreamFormat

    if sides is not None:
        return StreamFormat.of_raw(*sides, format, matrix=matrix, range=range)
    return StreamFormat.of_y4m(read_y4m_header(stdin), matrix=matrix, range=range)


def _frame_times(coming: "StreamFormat", given: Fraction | None) -> Iterator[float]:
    """Seconds of one frame after the other, from 0 on."""
    told = coming.header.rate if coming.header is not None else None
    if told is not None and given not in (None, told):
        raise typer.BadParameter(f"the stream itself says {told}. Leave --rate out", param_hint="--rate")
    rate = told or given
    if rate is None:
        raise typer.BadParameter(
            "the stream does not say its rate, which --timeline counts by. Give --rate, such as 25",
            param_hint="--rate",
        )
    return (float(index / rate) for index in count())


def _notices(coming: "StreamFormat", going: "StreamFormat") -> list[str]:
    notices = []
    if coming.header is not None and coming.header.interlaced:
        notices.append("the stream is interlaced, and its fields are stylised woven; ffmpeg -vf bwdif takes them apart")
    if coming.siting not in (None, "center"):
        notices.append("the colour samples of 4:2:0 are moved to the centre, C420jpeg; the image stays where it is")
    if coming.pixels.alpha and not going.pixels.alpha:
        notices.append(f"{going.pixels.name} has no transparency; it is left out")
    return notices
