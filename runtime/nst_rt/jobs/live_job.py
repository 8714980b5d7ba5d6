"""Stylising a camera, a network stream or a video live: source, network and everything that shows or keeps it."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from nst_rt.jobs.opened_style import OpenedStyle, open_style
from nst_rt.jobs.progress import Report, silent
from nst_rt.jobs.style_request import StyleRequest
from nst_rt.jobs.stylizer_options import StylizerOptions
from nst_rt.live import source
from nst_rt.live.camera import CameraSettings
from nst_rt.live.capture import Capture
from nst_rt.live.hud import style_label
from nst_rt.live.live_summary import LiveSummary
from nst_rt.live.loop import LiveLoop
from nst_rt.live.recorder import Recorder
from nst_rt.live.virtual_camera import VirtualCamera
from nst_rt.live.window import Window, require_display


@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """Where the images come from and where they go."""

    source: str = "0"
    """A camera (`0`, `/dev/video0`), a video file, or `http://`, `rtsp://`, `udp://`."""
    width: int | None = None
    """Asked of a camera; other sources are scaled down to it."""
    height: int | None = None
    """As `width`."""
    fps: float | None = None
    """Asked of a camera."""
    loop: bool = False
    """Start a video again at its end."""
    mirror: bool = False
    """Turn the image left to right, everywhere."""
    record: Path | None = None
    """Record the stylised image to this video, without audio."""
    virtual_camera: bool = False
    """Be a camera for other programs."""
    window: bool = True
    """Show the image."""
    frames: int | None = None
    """Stop after this number of images."""


class LiveJob:
    """A live run that is ready to begin; `open_live` makes one."""

    def __init__(self, loop: LiveLoop, style: OpenedStyle, granted: dict[str, Any]) -> None:
        self._loop, self._style = loop, style
        self.granted = granted
        """What the source gives: `name`, `width`, `height`, `fps` and more, ready for JSON."""

    @property
    def summary(self) -> LiveSummary:
        """What the run has done so far."""
        return self._loop.summary

    @property
    def device(self) -> str:
        """That runs the network."""
        return self._style.stylizer.device

    def run(self) -> LiveSummary:
        """Run until the source ends, the user quits or `stop` is called; in the main thread if there is a window.

        Raises:
            NstError: the network or the virtual camera failed.
        """
        return self._loop.run()

    def stop(self) -> None:
        """End the run after the image in work; from a signal handler or any thread."""
        self._loop.stop()

    def to_json(self) -> dict[str, Any]:
        """JSON-ready: the summary, the source and what runs."""
        return {**self.summary.to_json(), "source": self.granted, "stylizer": self._style.describe()}


@contextmanager
def open_live(
    options: StylizerOptions | None = None, live: LiveOptions | None = None, report: Report = silent
) -> Iterator[LiveJob]:
    """Open the source, the network and all sinks.

    Args:
        report: called with what the source gives, and later with every trouble.

    Raises:
        SourceError, InputError: the source cannot be opened.
        DisplayError: no window can be shown.
        NstError: the style, the mask, the recording or the virtual camera cannot be opened.
    """
    # What can be refused at once is refused before the network is loaded.
    request = StyleRequest.read(replace(options or StylizerOptions(), in_flight=1))
    live = live or LiveOptions()
    if live.window:
        require_display()
    opening = partial(
        source.open_source, live.source, CameraSettings(live.width, live.height, live.fps), loop=live.loop
    )
    with ExitStack() as opened:
        frames = opening()
        granted = frames.describe()
        capture = opened.enter_context(closing(Capture(frames, opening, report)))
        # A live source is read from now on, so that no old frame waits when the network is ready. A video begins when
        # the loop does.
        if frames.live:
            capture.start()
        rate = granted["fps"] or 30.0
        recorder = Recorder(rate=rate)
        if live.record is not None:
            recorder.start(live.record)
        camera = None
        if live.virtual_camera:
            camera = opened.enter_context(closing(VirtualCamera(granted["height"], granted["width"], rate)))
        style = open_style(request, opened)
        report(f"source: {_line(granted)}")
        report(f"style: {style_label(style.style or style.stylizer.styles[0])}, opening the network ...")
        style.stylize.warm_up(granted["height"], granted["width"])
        loop = LiveLoop(
            style.stylize,
            capture,
            timeline=style.player,
            at_first=style.match_colors,
            window=opened.enter_context(closing(Window())) if live.window else None,
            recorder=recorder,
            virtual_camera=camera,
            frames=live.frames,
            mirror=live.mirror,
            report=report,
        )
        yield LiveJob(loop, style, granted)


def _line(granted: dict[str, Any]) -> str:
    """What the source gives, on one line."""
    rate = f", {granted['fps']:g} fps" if granted["fps"] else ""
    kind = f", {granted['format']}" if granted.get("format") else ""
    return f"{granted['name']}, {granted['width']}x{granted['height']}{rate}{kind}"
