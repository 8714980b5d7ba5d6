"""`nst-rt webcam`: a camera, stream or video, stylised live."""

import json
from pathlib import Path
from typing import Annotated

import typer

from nst_rt.cli.messages import say
from nst_rt.cli.option_fields import option
from nst_rt.cli.options import LOOK, MASK, RUNNING, JsonOption, stylizer_options
from nst_rt.errors import NstError
from nst_rt.jobs.stylizer_options import StylizerOptions
from nst_rt.live.keys import KEYS_TEXT


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("webcam", epilog=KEYS_TEXT)(webcam)


@stylizer_options("style", "model", *LOOK, "match_colors", "timeline", *MASK, *RUNNING)
def webcam(
    options: StylizerOptions,
    source: Annotated[
        str, option("--source", "A camera (0, /dev/video0), a video file, or http://, rtsp://, udp://.")
    ] = "0",
    width: Annotated[int | None, option("--width", "Asked of a camera; others are scaled down to it.", min=16)] = None,
    height: Annotated[
        int | None, option("--height", "Asked of a camera; others are scaled down to it.", min=16)
    ] = None,
    fps: Annotated[float | None, option("--fps", "Asked of a camera.", min=1)] = None,
    loop: Annotated[bool, option("--loop", "Start a video again at its end.")] = False,
    mirror: Annotated[bool, option("--mirror", "Turn the image left to right, everywhere.")] = False,
    record: Annotated[
        Path | None, option("--record", "Record the stylised image, without audio (.mp4, .mov, .mkv).", metavar="FILE")
    ] = None,
    virtual_camera: Annotated[
        bool, option("--virtual-camera", "Be a camera for other programs (Linux: v4l2loopback).")
    ] = False,
    window: Annotated[bool, option("--window/--no-window", "Show it.")] = True,
    frames: Annotated[int | None, option("--frames", "Stop after this number of images.", min=1)] = None,
    as_json: JsonOption = False,
) -> None:
    """Stylise a camera, a network stream or a video live; only the newest image counts."""
    from nst_rt.cli.signals import signals_interrupt, signals_stop
    from nst_rt.jobs.live_job import LiveOptions, open_live

    live = LiveOptions(
        source=source,
        width=width,
        height=height,
        fps=fps,
        loop=loop,
        mirror=mirror,
        record=record,
        virtual_camera=virtual_camera,
        window=window,
        frames=frames,
    )
    with signals_interrupt(), open_live(options, live, say) as job:
        if job.granted.get("audio"):
            say("its audio is neither played nor recorded; `nst-rt video` copies it")
        say(f"running on {job.device}; {'h shows the keys, q' if window else 'Ctrl-C'} ends it")
        try:
            with signals_stop(job.stop):
                summary = job.run()
        except (NstError, KeyboardInterrupt):
            say(job.summary.to_text())
            raise
        say(summary.to_text())
        if as_json:
            typer.echo(json.dumps(job.to_json(), indent=2))
    if record is not None and summary.recording_error:
        raise typer.Exit(2)
