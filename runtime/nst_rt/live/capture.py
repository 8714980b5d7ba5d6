"""The capture thread: it keeps the newest frame only, and opens a lost camera again.

A queue between camera and network would only store delay: where the network is slower than the camera, every frame
would be shown later than the one before. Here each new frame replaces the one that nobody has taken yet.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import InputError, SourceError

FIRST_RETRY, LONGEST_RETRY = 0.5, 5.0
"""Seconds before the first attempt to reconnect, and the longest wait between two; each wait is twice the last one."""

_FALLEN_BEHIND = 1.0


class LiveFrame(NamedTuple):
    """One frame of a source.

    Examples:
        >>> LiveFrame(np.zeros((480, 640, 3), np.uint8), captured=12.5).captured
        12.5
    """

    pixels: NDArray[np.uint8]
    """(height, width, 3) BGR; nobody else uses this memory."""
    captured: float
    """When it was taken: seconds of `time.monotonic`."""
    due: float | None = None
    """When to show it, in seconds since the beginning of the source; None for at once."""


class Source(Protocol):
    """A camera, stream or video; one thread at a time uses it."""

    live: bool
    """A live source that stops is lost, and opened again. Any other source has an end."""

    def describe(self) -> dict[str, Any]:
        """JSON-ready: at least `name`, `width`, `height` and `fps` (None where unknown)."""

    def read(self) -> LiveFrame | None:
        """Wait for the next frame; None at the end.

        Raises:
            SourceError: the source is lost.
        """

    def close(self) -> None:
        """Close the device or connection; harmless twice."""


@dataclass(frozen=True)
class CaptureStatus:
    """What the capture thread knows, at one moment."""

    captured: int
    """Frames read so far."""
    dropped: int
    """Frames that a newer one replaced before anybody took them."""
    reconnects: int
    """How often a lost source came back."""
    lost: str
    """Why the source is lost now; empty while it is not."""
    ended: bool
    """No frame waits, and none will come."""


class Capture:
    """Reads a source in a thread and offers its newest frame.

    A source whose frames have due times is paced by `clock`. If it falls behind by more than a second, it goes on from
    there and does not hurry.

    Args:
        source: an open source, which the capture closes.
        reopen: opens the source again after a loss.
        report: called with one line for each loss and return, in the capture thread.
        clock: seconds of a monotonic clock.
        first_retry: seconds before the first attempt to reconnect.

    Examples:
        It needs a camera.

        >>> capture = Capture(Camera(0), lambda: Camera(0), print)  # doctest: +SKIP
        >>> capture.start()  # doctest: +SKIP
        >>> frame = capture.take(timeout=1.0)  # doctest: +SKIP
    """

    def __init__(
        self,
        source: Source,
        reopen: Callable[[], Source],
        report: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        first_retry: float = FIRST_RETRY,
    ) -> None:
        self._source, self._reopen, self._report = source, reopen, report
        self._name, self._live = str(source.describe()["name"]), source.live
        self._clock = clock
        self._first_retry = first_retry
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._waiting: LiveFrame | None = None
        self._captured = self._dropped = self._reconnects = 0
        self._lost = ""
        self._ended = False
        self._failure: BaseException | None = None
        self._beginning: float | None = None
        # A daemon, because a driver or server that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="nst-rt capture", daemon=True)
        self._started = False

    def start(self) -> None:
        """Begin to read; no effect if it has begun."""
        if not self._started:
            self._started = True
            self._thread.start()

    @property
    def name(self) -> str:
        """Of the source, for people."""
        return self._name

    @property
    def live(self) -> bool:
        """The source has no end of its own."""
        return self._live

    def take(self, timeout: float) -> LiveFrame | None:
        """The newest frame that nobody has taken yet; None if none came within `timeout` seconds or the source ended.

        Raises:
            Exception: the error that stopped the capture thread unexpectedly.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._ended, timeout)
            image, self._waiting = self._waiting, None
            if image is None and self._failure is not None:
                raise self._failure
            return image

    def status(self) -> CaptureStatus:
        """What the capture thread knows at this moment."""
        with self._changed:
            ended = self._ended and self._waiting is None and self._failure is None
            return CaptureStatus(self._captured, self._dropped, self._reconnects, self._lost, ended)

    def close(self, timeout: float = 2.0) -> None:
        """Stop the thread and close the source; a source that hangs is left alone after `timeout` seconds.

        Harmless twice.
        """
        self._stopping.set()
        if self._started:
            self._thread.join(timeout)
        else:
            self._source.close()

    def _run(self) -> None:
        source: Source | None = self._source
        try:
            while source is not None and not self._stopping.is_set():
                image, trouble = None, "the stream ended"
                try:
                    image = source.read()
                except SourceError as error:
                    trouble = str(error)
                if image is not None:
                    self._offer(image)
                elif source.live:
                    source.close()
                    source = self._reconnected(trouble)
                else:
                    break
        except BaseException as error:  # take() raises it again, in the thread that can tell somebody
            self._failure = error
        finally:
            if source is not None:
                source.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _offer(self, image: LiveFrame) -> None:
        if image.due is not None:
            now = self._clock()
            if self._beginning is None or now - self._beginning - image.due > _FALLEN_BEHIND:
                self._beginning = now - image.due
            if self._stopping.wait(max(0.0, self._beginning + image.due - now)):
                return
            image = image._replace(captured=self._clock())
        with self._changed:
            self._captured += 1
            self._dropped += self._waiting is not None
            self._waiting = image
            self._changed.notify_all()

    def _reconnected(self, trouble: str) -> Source | None:
        """Try until the source is back; None if the capture is closed first."""
        with self._changed:
            self._lost = trouble
        self._report(f"{trouble}; trying to get it back")
        pause = self._first_retry
        while not self._stopping.wait(pause):
            pause = min(2 * pause, LONGEST_RETRY)
            try:
                source = self._reopen()
            except (SourceError, InputError):
                continue
            with self._changed:
                self._lost = ""
                self._reconnects += 1
                self._beginning = None
            self._report(f"{source.describe()['name']} is back")
            return source
        return None
