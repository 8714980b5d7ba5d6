"""The live loop: newest image in, stylised image to the window, the recording and the virtual camera.

A capture thread (`sources.capture`) keeps the newest image; everything else happens here in the caller's thread, the
main one, where window toolkits want to be called. Stylising and showing share it on purpose: a second slot between
them would win throughput only where both are slow, and would cost every image another wait.
"""

import dataclasses
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import cv2
import numpy as np

from nst_rt.contract import Frame
from nst_rt.engine.timing import LatencyStatistics, RateMeter
from nst_rt.errors import DeviceError, NstError, OutputError
from nst_rt.files.atomic import replacing
from nst_rt.live.capture import CaptureStatus, LiveFrame
from nst_rt.live.hud import Hud, HudState
from nst_rt.live.recorder import Recorder, file_name, free_path
from nst_rt.live.style_switcher import StyleSwitcher
from nst_rt.live.window import CLOSED

_WAIT_WITH_WINDOW, _WAIT = 0.03, 0.2
_NUMBERS_EVERY, _MESSAGE_FOR, _SILENT_AFTER = 0.25, 2.5, 2.0
_STRENGTH_STEP = 0.1
_STROKE_SIZES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


class LiveStylizer(Protocol):
    """What the loop uses of `nst_rt.Stylizer`."""

    style: str
    strength: float
    color: float
    stroke_size: float

    @property
    def styles(self) -> list[str]: ...
    @property
    def device(self) -> str: ...
    def __call__(self, frame: Frame) -> Frame: ...


class LiveCapture(Protocol):
    """What the loop uses of `sources.capture.Capture`."""

    @property
    def name(self) -> str: ...
    @property
    def live(self) -> bool: ...
    def take(self, timeout: float) -> LiveFrame | None: ...
    def status(self) -> CaptureStatus: ...
    def close(self) -> None: ...


class LiveWindow(Protocol):
    """What the loop uses of `sinks.window.Window`."""

    def fit(self, image: Frame) -> Frame: ...
    def show(self, image: Frame) -> None: ...
    def key(self) -> str: ...
    def toggle_full_screen(self) -> None: ...
    def close(self) -> None: ...


class LiveTimeline(Protocol):
    """What the loop uses of `timeline.TimelinePlayer`."""

    def seek(self, seconds: float) -> None: ...


class ImageSink(Protocol):
    """What the loop uses of `sinks.virtual_camera.VirtualCamera`."""

    def write(self, image: Frame) -> None: ...
    def close(self) -> None: ...


@dataclass
class LiveSummary:
    """What a run did."""

    frames: int = 0
    """Stylised, and shown where there is a window."""
    captured: int = 0
    dropped: int = 0
    reconnects: int = 0
    seconds: float = 0.0
    fps: float = 0.0
    latency: LatencyStatistics = field(default_factory=LatencyStatistics)
    """From the image leaving the source to it being on the screen, or with every sink where there is no window."""
    stylize: LatencyStatistics = field(default_factory=LatencyStatistics)
    """Of the network's call alone."""
    recorded: list[Path] = field(default_factory=list)
    snapshots: list[Path] = field(default_factory=list)
    recording_error: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON-ready; latencies in milliseconds."""
        return {
            "frames": self.frames,
            "captured": self.captured,
            "dropped": self.dropped,
            "reconnects": self.reconnects,
            "seconds": round(self.seconds, 3),
            "fps": round(self.fps, 2),
            "latency_ms": self.latency.milliseconds(),
            "stylize_ms": self.stylize.milliseconds(),
            "recorded": [str(path) for path in self.recorded],
            "recording_error": self.recording_error or None,
            "snapshots": [str(path) for path in self.snapshots],
        }

    def to_text(self) -> str:
        """A few lines for people."""
        lost = f", {self.reconnects} reconnects" if self.reconnects else ""
        if not self.frames:
            return f"no image came in {self.seconds:.1f} s"
        lines = [
            f"{self.frames} frames in {self.seconds:.1f} s, {self.fps:.1f} fps, {self.dropped} dropped{lost}",
            "latency from capture to show: "
            + ", ".join(f"{self.latency.percentile(percent) * 1e3:.0f} ms p{percent}" for percent in (50, 95, 99))
            + f" (network: {self.stylize.percentile(50) * 1e3:.0f} ms p50)",
            *(f"recorded {path}" for path in self.recorded),
            *(f"snapshot {path}" for path in self.snapshots),
        ]
        return "\n".join(lines)


class LiveLoop:
    """Runs until the source ends, `frames` images are done, the user quits or `stop` is called.

    Args:
        stylizer: called with every image, uint8 (H, W, 3) BGR.
        capture: a started capture; closed by `run`, as are all sinks.
        timeline: told the time of every image before it is stylised: a video's own, or since the first image of a
            live source. A style chosen by key ends it, until `t` is pressed.
        at_first: called with the first image before it is stylised.
        recorder: recording already if it should record from the first image on.
        mirror: turn every image left to right before it is stylised, for all sinks.
        folder: where snapshots and recordings started by key go.
        report: receives one line for every trouble.

    Examples:
        >>> source = open_source("0")  # doctest: +SKIP
        >>> capture = Capture(source, lambda: open_source("0"), print)  # doctest: +SKIP
        >>> LiveLoop(Stylizer.load(style="gogh"), capture, window=Window()).run()  # doctest: +SKIP
    """

    def __init__(
        self,
        stylizer: LiveStylizer,
        capture: LiveCapture,
        *,
        timeline: LiveTimeline | None = None,
        at_first: Callable[[Frame], None] | None = None,
        window: LiveWindow | None = None,
        recorder: Recorder | None = None,
        virtual_camera: ImageSink | None = None,
        frames: int | None = None,
        mirror: bool = False,
        folder: Path = Path(),
        report: Callable[[str], None] = lambda line: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stylizer, self._capture = stylizer, capture
        self._window, self._virtual_camera = window, virtual_camera
        self._recorder = recorder or Recorder()
        self._frames, self._mirror, self._folder = frames, mirror, folder
        self._report, self._clock = report, clock
        self._switcher = StyleSwitcher(stylizer)
        self._at_first = at_first
        self._timeline, self._follows_timeline = timeline, timeline is not None
        self._first_captured: float | None = None
        self._hud = Hud()
        self._color = stylizer.color or 1.0
        self._strokes = stylizer.stroke_size
        self._state = HudState(style="", device="")
        self._original = self._before_after = False
        self._message, self._message_until = "", 0.0
        self._numbers_at = -1.0
        self._rate = RateMeter()
        self._recent: deque[float] = deque(maxlen=30)
        self._last: tuple[Frame, Frame] | None = None
        self._last_at = clock()
        self._stopping = False
        self.summary = LiveSummary()

    def stop(self) -> None:
        """End the run after the image in hand; may be called from a signal handler or another thread."""
        self._stopping = True

    def run(self) -> LiveSummary:
        """Run, then close everything; a recording is finished whatever ends the run.

        Raises:
            NstError: the network or the virtual camera failed.
        """
        began = self._clock()
        try:
            while not self._stopping and (self._frames is None or self.summary.frames < self._frames):
                frame = self._capture.take(_WAIT_WITH_WINDOW if self._window else _WAIT)
                if frame is None and self._capture.status().ended:
                    break
                if frame is not None:
                    self._stylize(frame)
                if self._window is not None:
                    self._present(self._window)
                if frame is not None:
                    self._count(frame)
        finally:
            self._finish(began)
        return self.summary

    def _stylize(self, frame: LiveFrame) -> None:
        original: Frame = frame.pixels
        if self._mirror:
            original = np.asarray(cv2.flip(original, 1), np.uint8)
        began = self._clock()
        if self._first_captured is None:
            self._first_captured = frame.captured
            if self._at_first is not None:
                self._at_first(original)
        if self._timeline is not None and self._follows_timeline:
            self._timeline.seek(frame.captured - self._first_captured if frame.due is None else frame.due)
        stylized = self._painted(original)
        self.summary.stylize.add(self._clock() - began)
        self._last, self._last_at = (original, stylized), self._clock()
        if self._recorder.recording:
            try:
                self._recorder.write(stylized, frame.captured)
            except OutputError as error:
                self._recording_failed(error)
        if self._virtual_camera is not None:
            self._virtual_camera.write(stylized)

    def _painted(self, original: Frame) -> Frame:
        try:
            stylized = self._stylizer(original)
        except DeviceError as error:  # strokes of a new size need a session of their own
            if self._stylizer.stroke_size == self._strokes:
                raise
            self._stylizer.stroke_size = self._strokes
            self._say(f"strokes stay as they were: {error}")
            self._report(str(error))
            return self._stylizer(original)
        self._strokes = self._stylizer.stroke_size
        return stylized

    def _count(self, frame: LiveFrame) -> None:
        now = self._clock()
        self.summary.frames += 1
        self.summary.latency.add(now - frame.captured)
        self._recent.append(now - frame.captured)
        self._rate.tick(now)

    def _present(self, window: LiveWindow) -> None:
        if self._last is not None:
            original, stylized = self._last
            image = stylized
            if self._original:
                image = original
            elif self._before_after:
                image = _before_after(original, stylized)
            window.show(self._hud.draw(window.fit(image), self._hud_state()))
        key = window.key()
        if key:
            self._press(key)

    def _hud_state(self) -> HudState:
        now, status = self._clock(), self._capture.status()
        if now - self._numbers_at >= _NUMBERS_EVERY:  # numbers that change with every image cannot be read
            self._numbers_at = now
            self._state = dataclasses.replace(
                self._state,
                fps=self._rate.recent(now),
                latency=median(self._recent) if self._recent else 0.0,
                dropped=status.dropped,
            )
        banner = ""
        if status.lost:
            banner = f"{self._capture.name[:36]} lost, reconnecting"
        elif self._capture.live and now - self._last_at > _SILENT_AFTER:
            banner = f"no new image for {now - self._last_at:.0f} s"
        trouble = self._switcher.trouble()
        if trouble:
            self._say(trouble)
        return dataclasses.replace(
            self._state,
            style=style_label(self._stylizer.style if self._follows_timeline else self._switcher.wanted),
            device=self._stylizer.device,
            strength=self._stylizer.strength,
            stroke_size=self._stylizer.stroke_size,
            keeps_color=self._stylizer.color < 1,
            view="original" if self._original else "before | after" if self._before_after else "",
            recording=self._recorder.seconds(now) if self._recorder.recording else None,
            banner=banner,
            message=self._message if now < self._message_until else "",
        )

    def _press(self, key: str) -> None:
        actions: dict[str, Callable[[], None]] = {
            **dict.fromkeys(("n", "right"), lambda: self._change_style(1)),
            **dict.fromkeys(("p", "left"), lambda: self._change_style(-1)),
            **dict.fromkeys(("+", "=", "up"), lambda: self._change_strength(_STRENGTH_STEP)),
            **dict.fromkeys(("-", "_", "down"), lambda: self._change_strength(-_STRENGTH_STEP)),
            "]": lambda: self._change_strokes(larger=True),
            "[": lambda: self._change_strokes(larger=False),
            **dict.fromkeys(("q", "escape", CLOSED), self.stop),
            "c": self._toggle_color,
            "s": self._snapshot,
            "r": self._toggle_recording,
            "m": self._toggle_mirror,
            "t": self._toggle_timeline,
            "space": self._toggle_original,
            "b": self._toggle_before_after,
            "h": self._toggle_help,
            "i": self._toggle_information,
        }
        if self._window is not None:
            actions["f"] = self._window.toggle_full_screen
        action = actions.get(key if len(key) > 1 else key.lower())
        if action is None:
            return
        try:
            action()
        except NstError as error:  # a key must not end the show
            self._say(str(error))
            self._report(str(error))

    def _change_style(self, step: int) -> None:
        if len(self._switcher.styles) < 2:
            self._say("this model has one style")
        else:
            if self._follows_timeline:
                self._follows_timeline = False
                self._switcher.adopt()
            self._switcher.step(step)

    def _toggle_timeline(self) -> None:
        if self._timeline is None:
            self._say("there is no timeline; --timeline gives one")
        else:
            self._follows_timeline = not self._follows_timeline
            if not self._follows_timeline:
                self._switcher.adopt()
            self._say(f"timeline {'on' if self._follows_timeline else 'off'}")

    def _change_strength(self, step: float) -> None:
        self._stylizer.strength = round(min(1.0, max(0.0, self._stylizer.strength + step)), 2)

    def _change_strokes(self, *, larger: bool) -> None:
        now = self._stylizer.stroke_size
        if larger:
            self._stylizer.stroke_size = min((size for size in _STROKE_SIZES if size > now), default=now)
        else:
            self._stylizer.stroke_size = max((size for size in _STROKE_SIZES if size < now), default=now)

    def _toggle_color(self) -> None:
        self._stylizer.color = 0.0 if self._stylizer.color > 0 else self._color

    def _toggle_mirror(self) -> None:
        self._mirror = not self._mirror

    def _toggle_original(self) -> None:
        self._original = not self._original

    def _toggle_before_after(self) -> None:
        self._before_after, self._original = not self._before_after, False

    def _toggle_help(self) -> None:
        self._state = dataclasses.replace(self._state, help=not self._state.help)

    def _toggle_information(self) -> None:
        self._state = dataclasses.replace(self._state, information=not self._state.information)

    def _snapshot(self) -> None:
        if self._last is None:
            return
        path = free_path(self._folder / file_name(self._switcher.wanted, datetime.now(), ".png"))
        encoded = cv2.imencode(".png", self._last[1])[1]
        with replacing(path) as temporary:
            temporary.write_bytes(encoded.tobytes())
        self.summary.snapshots.append(path)
        self._say(f"saved {path.name}")

    def _toggle_recording(self) -> None:
        if self._recorder.recording:
            self._stop_recording()
        else:
            path = free_path(self._folder / file_name(self._switcher.wanted, datetime.now(), ".mp4"))
            self._recorder.start(path)
            self._say(f"recording {path.name}")

    def _stop_recording(self) -> None:
        try:
            path = self._recorder.stop()
        except OutputError as error:
            self._recording_failed(error)
            return
        if path is not None:
            self.summary.recorded.append(path)
            self._say(f"saved {path.name}")

    def _recording_failed(self, error: OutputError) -> None:
        self.summary.recording_error = str(error)
        self._say(f"recording stopped: {error}")
        self._report(f"recording stopped: {error}")
        if self._window is None and self._virtual_camera is None:
            self.stop()  # nobody would get anything of a longer run

    def _say(self, message: str) -> None:
        self._message, self._message_until = message, self._clock() + _MESSAGE_FOR

    def _finish(self, began: float) -> None:
        # The recording first: it is the only thing here that cannot be had again.
        try:
            if self._recorder.recording:
                self._stop_recording()
        finally:
            status = self._capture.status()
            self._capture.close()
            for sink in (self._virtual_camera, self._window):
                if sink is not None:
                    sink.close()
            summary = self.summary
            summary.seconds = self._clock() - began
            summary.fps = self._rate.overall
            summary.captured, summary.dropped = status.captured, status.dropped
            summary.reconnects = status.reconnects


def style_label(expression: str) -> str:
    """A style expression for people: `gogh:0.7+wave:0.3` becomes `gogh 70% + wave 30%`, a path its file's name."""
    parts = []
    for part in expression.split("+"):
        name, colon, share = part.rpartition(":")
        try:
            text = f"{Path(name).stem} {float(share):.0%}" if colon else Path(part).stem
        except ValueError:
            text = Path(part).stem
        parts.append(text)
    return " + ".join(parts)


def _before_after(original: Frame, stylized: Frame) -> Frame:
    middle = original.shape[1] // 2
    both = stylized.copy()
    both[:, :middle] = original[:, :middle]
    both[:, middle - 1 : middle + 1] = 255
    return both
