"""The live loop: newest frame in, stylised frame to the recording, the virtual camera and the window.

A capture thread (`capture.py`) keeps the newest frame. Everything else happens here in the caller's thread, which is
the main thread where there is a window, because window toolkits need that. Stylising and showing share the thread on
purpose: a second slot between them would gain throughput only where both are slow, and would delay every frame.
"""

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from nst_rt.contract import Frame
from nst_rt.engine.timing import RateMeter
from nst_rt.errors import NstError, OutputError
from nst_rt.files.atomic import replacing
from nst_rt.live.capture import CaptureStatus, LiveFrame
from nst_rt.live.controls import LiveControls, LiveTimeline, View
from nst_rt.live.hud import Hud, HudState, style_label
from nst_rt.live.keys import KEY_ROWS, Action, action_of
from nst_rt.live.live_summary import LiveSummary
from nst_rt.live.recorder import Recorder, file_name, free_path
from nst_rt.stylizer.protocol import StylizerProtocol

_WAIT_WITH_WINDOW, _WAIT = 0.03, 0.2
_NUMBERS_EVERY, _MESSAGE_FOR, _SILENT_AFTER = 0.25, 2.5, 2.0
"""Seconds: between two changes of the numbers on the screen, that a message stays, and without a frame until the window
says so."""


class FrameSource(Protocol):
    """Where the loop takes frames from; `Capture` is one."""

    @property
    def name(self) -> str:
        """Of the source, for people."""

    @property
    def live(self) -> bool:
        """The source has no end of its own."""

    def start(self) -> None:
        """Begin to read; no effect if it has begun."""

    def take(self, timeout: float) -> LiveFrame | None:
        """The newest frame; None if none came within `timeout` seconds."""

    def status(self) -> CaptureStatus:
        """What is known at this moment."""

    def close(self) -> None:
        """Stop; harmless twice."""


class LiveWindow(Protocol):
    """Where the loop shows frames and asks for keys; `Window` is one."""

    def fit(self, image: Frame) -> Frame:
        """Scale (H, W, 3) uint8 BGR to the window."""

    def show(self, image: Frame) -> None:
        """Show (H, W, 3) uint8 BGR."""

    def key(self) -> str:
        """The key that was pressed, as `Window.key` names it; empty for none."""

    def toggle_full_screen(self) -> None:
        """Full screen on or off."""

    def close(self) -> None:
        """Remove it from the screen; harmless twice."""


class FrameSink(Protocol):
    """What gets every stylised frame; `VirtualCamera` is one."""

    def write(self, image: Frame) -> None:
        """Take (H, W, 3) uint8 BGR."""

    def close(self) -> None:
        """No frame will follow; harmless twice."""


class StylizedFrame(NamedTuple):
    """A frame after the network."""

    original: Frame
    """(H, W, 3) uint8 BGR, mirrored if that is on."""
    stylized: Frame
    captured: float
    """When it was taken: seconds of the loop's clock."""


class LiveLoop:
    """Runs until the source ends, `frames` frames are done, the user quits or `stop` is called.

    Args:
        stylizer: called with every frame, uint8 (H, W, 3) BGR.
        capture: gives the frames; `run` starts and closes it, and closes window and virtual camera.
        timeline: gets the time of every frame before it is stylised: a video's own, or the seconds since the first
            frame of a live source. A style that is chosen by key ends it, until `t` is pressed.
        at_first: called with the first frame before it is stylised.
        window: shows the frames and gives the keys. Without one there are no keys.
        recorder: one that is started records from the first frame on.
        virtual_camera: gets every stylised frame, without panels.
        frames: how many to stylise; None for no limit.
        mirror: turn every frame left to right before it is stylised.
        folder: for snapshots and for recordings that a key starts.
        report: called with one line for every trouble.
        clock: seconds of a monotonic clock.

    Examples:
        It needs a camera and a display.

        >>> from nst_rt import Stylizer
        >>> with Stylizer.load(style="gogh") as stylizer:  # doctest: +SKIP
        ...     capture = Capture(Camera(0), lambda: Camera(0), print)
        ...     print(LiveLoop(stylizer, capture, window=Window()).run().to_text())
    """

    def __init__(
        self,
        stylizer: StylizerProtocol,
        capture: FrameSource,
        *,
        timeline: LiveTimeline | None = None,
        at_first: Callable[[Frame], None] | None = None,
        window: LiveWindow | None = None,
        recorder: Recorder | None = None,
        virtual_camera: FrameSink | None = None,
        frames: int | None = None,
        mirror: bool = False,
        folder: Path = Path(),
        report: Callable[[str], None] = lambda line: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stylizer, self._capture = stylizer, capture
        self._controls = LiveControls(stylizer, timeline, mirror=mirror)
        self._at_first = at_first
        self._window, self._virtual_camera = window, virtual_camera
        self._recorder = recorder or Recorder()
        self._frames, self._folder = frames, folder
        self._report, self._clock = report, clock
        self._hud = Hud()
        self._message, self._message_until = "", 0.0
        self._numbers_at = -1.0
        self._fps = self._latency = 0.0
        self._dropped = 0
        self._rate = RateMeter()
        self._recent: deque[float] = deque(maxlen=30)
        self._first_captured: float | None = None
        self._last: StylizedFrame | None = None
        self._last_at = clock()
        self._stopping = False
        self.summary = LiveSummary()
        """What the run has done so far."""

    def stop(self) -> None:
        """End the run after the current frame; from a signal handler or any thread."""
        self._stopping = True

    def run(self) -> LiveSummary:
        """Run, then close everything. A recording is finished whatever ends the run.

        Raises:
            NstError: the network or the virtual camera failed.
        """
        began = self._clock()
        try:
            self._capture.start()
            while not self._stopping and (self._frames is None or self.summary.frames < self._frames):
                frame = self._capture.take(_WAIT_WITH_WINDOW if self._window else _WAIT)
                if frame is None and self._capture.status().ended:
                    break
                if frame is not None:
                    self._last = self._stylize(frame)
                    self._last_at = self._clock()
                    self._write(self._last)
                if self._window is not None:
                    if self._last is not None:
                        self._show(self._last, self._window)
                    self._press(self._window.key())
                if frame is not None:
                    self._count(frame)
        finally:
            self._finish(began)
        return self.summary

    def _stylize(self, frame: LiveFrame) -> StylizedFrame:
        original: Frame = frame.pixels
        if self._controls.mirror:
            original = np.asarray(cv2.flip(original, 1), np.uint8)
        began = self._clock()
        if self._first_captured is None:
            self._first_captured = frame.captured
            if self._at_first is not None:
                self._at_first(original)
        self._controls.seek(frame.captured - self._first_captured if frame.due is None else frame.due)
        stylized, trouble = self._controls.stylize(original)
        self.summary.stylize.add(self._clock() - began)
        if trouble:
            self._tell(f"strokes stay as they were: {trouble}")
            self._report(trouble)
        return StylizedFrame(original, stylized, frame.captured)

    def _write(self, frame: StylizedFrame) -> None:
        if self._recorder.recording:
            try:
                self._recorder.write(frame.stylized, frame.captured)
            except OutputError as error:
                self._recording_failed(error)
        if self._virtual_camera is not None:
            self._virtual_camera.write(frame.stylized)

    def _show(self, frame: StylizedFrame, window: LiveWindow) -> None:
        image = frame.stylized
        if self._controls.view is View.ORIGINAL:
            image = frame.original
        elif self._controls.view is View.BEFORE_AFTER:
            image = _before_after(frame)
        window.show(self._hud.draw(window.fit(image), self._hud_state()))

    def _count(self, frame: LiveFrame) -> None:
        now = self._clock()
        self.summary.frames += 1
        self.summary.latency.add(now - frame.captured)
        self._recent.append(now - frame.captured)
        self._rate.tick(now)

    def _hud_state(self) -> HudState:
        now, status = self._clock(), self._capture.status()
        if now - self._numbers_at >= _NUMBERS_EVERY:  # nobody can read numbers that change with every frame
            self._numbers_at = now
            self._fps, self._dropped = self._rate.recent(now), status.dropped
            self._latency = median(self._recent) if self._recent else 0.0
        if trouble := self._controls.trouble():
            self._tell(trouble)
        controls = self._controls
        return HudState(
            style=style_label(controls.style),
            device=self._stylizer.device,
            fps=self._fps,
            latency=self._latency,
            strength=self._stylizer.strength,
            stroke_size=self._stylizer.stroke_size,
            keeps_color=self._stylizer.color < 1,
            dropped=self._dropped,
            view=controls.view.value,
            recording=self._recorder.seconds(now) if self._recorder.recording else None,
            banner=self._banner(now, status),
            message=self._message if now < self._message_until else "",
            information=controls.information,
            help=tuple((row.label, row.does) for row in KEY_ROWS if row.label) if controls.help else (),
        )

    def _banner(self, now: float, status: CaptureStatus) -> str:
        if status.lost:
            return f"{self._capture.name[:36]} lost, reconnecting"
        if self._capture.live and now - self._last_at > _SILENT_AFTER:
            return f"no new image for {now - self._last_at:.0f} s"
        return ""

    def _press(self, key: str) -> None:
        action = action_of(key)
        if action is None:
            return
        try:
            self._act(action)
        except NstError as error:  # a key must not end the run
            self._tell(str(error))
            self._report(str(error))

    def _act(self, action: Action) -> None:
        if action is Action.QUIT:
            self.stop()
        elif action is Action.FULL_SCREEN:
            if self._window is not None:
                self._window.toggle_full_screen()
        elif action is Action.SNAPSHOT:
            self._save_snapshot()
        elif action is Action.RECORD:
            self._toggle_recording()
        elif message := self._controls.apply(action):
            self._tell(message)

    def _save_snapshot(self) -> None:
        if self._last is None:
            return
        path = free_path(self._folder / file_name(self._controls.style, datetime.now(), ".png"))
        encoded = cv2.imencode(".png", self._last.stylized)[1]
        with replacing(path) as temporary:
            temporary.write_bytes(encoded.tobytes())
        self.summary.snapshots.append(path)
        self._tell(f"saved {path.name}")

    def _toggle_recording(self) -> None:
        if self._recorder.recording:
            self._stop_recording()
        else:
            path = free_path(self._folder / file_name(self._controls.style, datetime.now(), ".mp4"))
            self._recorder.start(path)
            self._tell(f"recording {path.name}")

    def _stop_recording(self) -> None:
        try:
            path = self._recorder.stop()
        except OutputError as error:
            self._recording_failed(error)
            return
        if path is not None:
            self.summary.recorded.append(path)
            self._tell(f"saved {path.name}")

    def _recording_failed(self, error: OutputError) -> None:
        self.summary.recording_error = str(error)
        self._tell(f"recording stopped: {error}")
        self._report(f"recording stopped: {error}")
        if self._window is None and self._virtual_camera is None:
            self.stop()  # nobody would get anything from a longer run

    def _tell(self, message: str) -> None:
        self._message, self._message_until = message, self._clock() + _MESSAGE_FOR

    def _finish(self, began: float) -> None:
        # The recording first: it is the only thing here that cannot be made again.
        try:
            if self._recorder.recording:
                self._stop_recording()
        finally:
            status = self._capture.status()
            self._capture.close()
            if self._virtual_camera is not None:
                self._virtual_camera.close()
            if self._window is not None:
                self._window.close()
            summary = self.summary
            summary.seconds = self._clock() - began
            summary.fps = self._rate.overall
            summary.captured, summary.dropped = status.captured, status.dropped
            summary.reconnects = status.reconnects


def _before_after(frame: StylizedFrame) -> Frame:
    """The original on the left, the stylised frame on the right, and a white line between them."""
    middle = frame.original.shape[1] // 2
    both = frame.stylized.copy()
    both[:, :middle] = frame.original[:, :middle]
    both[:, middle - 1 : middle + 1] = 255
    return both
