"""`nst-rt webcam`: a camera, stream or video, stylised live."""

import json
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nst_rt.cli.messages import say
from nst_rt.cli.options import (
    ColorOption,
    DeviceOption,
    FeatherOption,
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
from nst_rt.errors import NstError

if TYPE_CHECKING:
    from nst_rt.live.loop import LiveLoop

KEYS_HELP = (
    "Keys: n p or arrows style, + - strength, ] [ strokes, c colours, space original, b before and after, s snapshot, "
    "r record, m mirror, t timeline, f full screen, i information, h help, q quit."
)


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("webcam", epilog=KEYS_HELP)(webcam)


def webcam(
    style: OneStyleOption = None,
    source: Annotated[
        str, typer.Option("--source", help="A camera (0, /dev/video0), a video file, or http://, rtsp://, udp://.")
    ] = "0",
    width: Annotated[
        int | None, typer.Option("--width", min=16, help="Asked of a camera; others are scaled down to it.")
    ] = None,
    height: Annotated[
        int | None, typer.Option("--height", min=16, help="Asked of a camera; others are scaled down to it.")
    ] = None,
    fps: Annotated[float | None, typer.Option("--fps", min=1, help="Asked of a camera.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Start a video again at its end.")] = False,
    mirror: Annotated[bool, typer.Option("--mirror", help="Turn the image left to right, everywhere.")] = False,
    record: Annotated[
        Path | None,
        typer.Option("--record", help="Record the stylised image, without audio (.mp4, .mov, .mkv).", metavar="FILE"),
    ] = None,
    virtual_camera: Annotated[
        bool, typer.Option("--virtual-camera", help="Be a camera for other programs (Linux: v4l2loopback).")
    ] = False,
    window: Annotated[bool, typer.Option("--window/--no-window", help="Show it.")] = True,
    frames: Annotated[int | None, typer.Option("--frames", min=1, help="Stop after so many images.")] = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    strength: StrengthOption = 1.0,
    color: ColorOption = 1.0,
    stroke_size: StrokeSizeOption = 1.0,
    match_colors: MatchColorsOption = "none",
    timeline: TimelineOption = None,
    mask: MaskOption = None,
    outside: OutsideOption = None,
    regions: RegionsOption = None,
    feather: FeatherOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stylise a camera, a network stream or a video live; only the newest image counts."""
    from nst_rt.cli.signals import signals_interrupt
    from nst_rt.jobs.style_request import read_controls
    from nst_rt.live.camera import CameraSettings
    from nst_rt.live.capture import Capture
    from nst_rt.live.loop import LiveLoop, style_label
    from nst_rt.live.recorder import Recorder
    from nst_rt.live.source import open_source
    from nst_rt.live.virtual_camera import VirtualCamera
    from nst_rt.live.window import Window, require_display
    from nst_rt.stylizer.stylizer import Stylizer

    # What can be refused at once is refused before the network is loaded.
    controls = read_controls(
        one_style(style),
        timeline=timeline,
        mask=mask,
        outside=outside,
        regions=regions,
        feather=feather,
        match_colors=match_colors,
    )
    if window:
        require_display()
    opening = partial(open_source, source, CameraSettings(width, height, fps), loop=loop)
    with signals_interrupt(), ExitStack() as kept, ExitStack() as handed_over:
        images = opening()
        unread = handed_over.enter_context(ExitStack())
        unread.enter_context(closing(images))

        def capture() -> Capture:
            unread.pop_all()  # from here on the capture thread closes its source
            return handed_over.enter_context(closing(Capture(images, opening, say)))

        granted = images.describe()
        # A live source is read from now on, so that it has nothing stale to show when the network is ready; a video
        # waits for its beginning to be seen.
        started = capture() if images.live else None
        rate = granted["fps"] or 30.0
        recorder = Recorder(rate=rate)
        if record is not None:
            recorder.start(record)
        camera = VirtualCamera(granted["height"], granted["width"], rate) if virtual_camera else None
        if camera is not None:
            handed_over.enter_context(closing(camera))
        load = partial(
            Stylizer.load,
            device=device,
            precision=precision,
            strength=strength,
            color=color,
            stroke_size=stroke_size,
            threads=threads,
        )
        stylizer = kept.enter_context(controls.load(load, model))
        player = controls.player(stylizer)
        stylize = controls.masked(stylizer, kept, load)
        say(f"source: {_line(granted)}")
        if granted.get("audio"):
            say("its audio is neither played nor recorded; `nst-rt video` copies it")
        say(f"style: {style_label(stylizer.style or stylizer.styles[0])}, opening the network ...")
        stylize.warm_up(granted["height"], granted["width"])
        shown = handed_over.enter_context(closing(Window())) if window else None
        live = LiveLoop(
            stylize,
            started or capture(),
            timeline=player,
            at_first=partial(controls.match_colors, stylize, player),
            window=shown,
            recorder=recorder,
            virtual_camera=camera,
            frames=frames,
            mirror=mirror,
            report=say,
        )
        say(f"running on {stylizer.device}; {'h shows the keys, q' if window else 'Ctrl-C'} ends it")
        handed_over.pop_all()  # the loop closes what it got
        _run(live, granted, partial(controls.described, stylize), as_json=as_json)
    if record is not None and live.summary.recording_error:
        raise typer.Exit(2)


def _run(live: "LiveLoop", granted: dict[str, Any], describe: Callable[[], dict[str, Any]], *, as_json: bool) -> None:
    from nst_rt.cli.signals import signals_stop

    try:
        with signals_stop(live.stop):
            summary = live.run()
    except (NstError, KeyboardInterrupt):
        say(live.summary.to_text())
        raise
    say(summary.to_text())
    if as_json:
        typer.echo(json.dumps({**summary.to_json(), "source": granted, "stylizer": describe()}, indent=2))


def _line(granted: dict[str, Any]) -> str:
    """What the source gives, on one line."""
    rate = f", {granted['fps']:g} fps" if granted["fps"] else ""
    kind = f", {granted['format']}" if granted.get("format") else ""
    return f"{granted['name']}, {granted['width']}x{granted['height']}{rate}{kind}"
