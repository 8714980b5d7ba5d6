"""`nst-rt video`: a video stylised frame by frame, with its time stamps and its audio."""

import json
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nst_rt.cli.messages import say
from nst_rt.cli.options import (
    ColorOption,
    DeviceOption,
    FeatherOption,
    InFlightOption,
    JsonOption,
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
from nst_rt.files.paths import local_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nst_rt.media.video.video_reader import VideoFrame, VideoReader


def video_time(text: str) -> Fraction:
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


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("video")(video)


def video(
    video: Annotated[
        Path, typer.Argument(metavar="VIDEO", parser=local_path, help="A video of any format that FFmpeg reads.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="The stylised video: .mp4, .mov or .mkv; VIDEO.STYLE.mp4 beside VIDEO if left out, "
            "with settings that are not the usual ones: video.gogh.strength-0.5.mp4.",
        ),
    ] = None,
    style: OneStyleOption = None,
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
    size: Annotated[
        int | None,
        typer.Option(
            "--size", min=16, help="Scale down to this many pixels on the long side at most; both become even."
        ),
    ] = None,
    start: Annotated[
        Fraction | None,
        typer.Option(
            "--start",
            metavar="TIME",
            parser=video_time,
            show_default=False,
            help="Begin at this time of the video: 80, 80s, 1m20s or 1:20.",
        ),
    ] = None,
    duration: Annotated[
        Fraction | None,
        typer.Option(
            "--duration",
            metavar="TIME",
            parser=video_time,
            show_default=False,
            help="Stop after this time: 5s, to see what it will look like.",
        ),
    ] = None,
    crf: Annotated[int, typer.Option("--crf", min=0, max=51, help="H.264 quality; smaller is better and larger.")] = 18,
    preset: Annotated[str, typer.Option("--preset", help="x264's: ultrafast ... medium ... veryslow.")] = "veryfast",
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="Take the video's audio over.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    in_flight: InFlightOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stylise a video: every frame, its exact time stamps, and its audio as it is.

    A video that is cut short is stylised as far as it goes and kept, with exit code 1. The mask may be a video too.
    With --start and --duration a part of it: times of --timeline stay those of the whole video.
    """
    from nst_rt.cli.signals import signals_interrupt
    from nst_rt.files.naming import check_not_taken
    from nst_rt.jobs.style_request import read_controls
    from nst_rt.media.video.video_part import VideoPart
    from nst_rt.media.video.video_reader import VideoReader
    from nst_rt.media.video.video_writer import check_video_output
    from nst_rt.stylizer.stylizer import Stylizer

    part = VideoPart(start or Fraction(0), duration)
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
        in_flight=in_flight,
    )
    if output is not None:
        check_video_output(output, crf, preset)
    with signals_interrupt(), VideoReader(video, long_side=size, part=part) as reader:
        with ExitStack() as opened, controls.load(load, model) as stylizer:
            tag = controls.result_tag(
                stylizer,
                strength=strength,
                color=color,
                stroke_size=stroke_size,
                size=size,
                start=float(start) if start else None,
                duration=float(duration) if duration else None,
                precision=precision,
            )
            player = controls.player(stylizer)
            stylize = controls.masked(stylizer, opened, load, video=True, start=part.start)
            # A result that exists comes last: whoever gives another name should not learn then what else is wrong.
            target = output or video.with_name(f"{video.stem}.{tag}.mp4")
            check_video_output(target, crf, preset)
            check_not_taken(target, [video, *controls.files()], overwrite=overwrite)
            # Before the work where the header tells the length, or else after it.
            unseen = controls.unseen(part, reader.duration) if reader.duration else []
            for notice in unseen:
                say(f"note: {notice}")

            at_time = controls.at_times(stylize, player)
            try:
                number = stylize.in_flight(reader.height, reader.width)
                told = stylize_video(reader, at_time, target, in_flight=number, crf=crf, preset=preset, audio=audio)
            except KeyboardInterrupt:
                say(f"interrupted; nothing of {target} was kept")
                raise
            told["stylizer"] = controls.described(stylize)
        if not reader.duration:
            told["notices"] += controls.unseen(part, told["duration"])
        for notice in told["notices"]:
            say(f"note: {notice}")
        told["notices"] = [*unseen, *told["notices"]]
        if reader.warning:
            say(f"{video}: {reader.warning}; kept what there is in {target}")
    say(
        f"{target}: {told['frames']} frames, {told['duration']:.2f} s of video in {told['seconds']:.1f} s, "
        f"{told['fps']:.1f} frames/s on {told['stylizer'].get('device', 'an unknown device')}"
    )
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    if reader.warning:
        raise typer.Exit(1)


def stylize_video(
    reader: "VideoReader",
    prepare: "Callable[[NDArray[np.uint8], float], Callable[[], NDArray[np.uint8]]]",
    target: Path,
    *,
    in_flight: int = 1,
    crf: int,
    preset: str,
    audio: bool,
) -> dict[str, Any]:
    """Stylise all of a video into `target`; returns the JSON summary.

    Args:
        prepare: called with one frame after the other and its second in the video, in their order; what it returns
            makes the stylised frame (see `Stylizer.prepare`).
        in_flight: frames that are made at once.
    """
    from nst_rt.cli.progress import progress_bar
    from nst_rt.jobs.pipeline import overlapped_in_flight
    from nst_rt.media.video.audio_reader import AudioReader
    from nst_rt.media.video.video_writer import VideoWriter

    started = time.perf_counter()
    last = 0
    audio_from = reader.part_start if reader.part.start else None
    with ExitStack() as opened:
        writer = opened.enter_context(
            VideoWriter(
                target,
                reader.info,
                audio=opened.enter_context(AudioReader(reader.path, start=audio_from))
                if audio and reader.has_audio
                else None,
                crf=crf,
                preset=preset,
            )
        )
        advance = opened.enter_context(progress_bar(reader.frame_count, "frames"))

        def read() -> "Generator[VideoFrame, None, None]":
            yield from reader

        def begin(frame: "VideoFrame") -> "Callable[[], VideoFrame]":
            make = prepare(frame.bgr, float(frame.pts * frame.time_base - reader.start))
            return lambda: frame._replace(bgr=make())

        def deliver(frame: "VideoFrame") -> None:
            nonlocal last
            writer.write(frame.bgr, frame.pts)
            last = frame.pts
            advance()

        overlapped_in_flight(read(), begin, deliver, in_flight)
        end = last * reader.time_base - reader.part_start + 1 / reader.average_rate
        if reader.part_ended and reader.part.length is not None:
            end = reader.part.length
            writer.extend_last_frame(end)
        # Audio that goes on over a video's missing end would make the result look whole.
        writer.finish(audio_until=end if reader.warning else reader.part.length)
    seconds = time.perf_counter() - started
    return {
        "input": str(reader.path),
        "output": str(target),
        "frames": writer.frames_written,
        "width": reader.width,
        "height": reader.height,
        "average_rate": str(reader.average_rate),
        "start": float(reader.part.start),
        "duration": round(float(end), 6),
        "seconds": round(seconds, 3),
        "fps": round(writer.frames_written / seconds, 3),
        "in_flight": in_flight,
        "audio": writer.audio_tracks,
        "notices": [*reader.notices, *writer.notices],
        "warning": reader.warning,
    }
