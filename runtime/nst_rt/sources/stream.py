"""Network streams and films as live sources, through PyAV."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from nst_rt.errors import InputError, SourceError
from nst_rt.sources.capture import LiveFrame

OPEN_TIMEOUT, READ_TIMEOUT = 10.0, 5.0
"""Seconds that a server may take to answer, and that a stream may stay silent before it counts as lost."""

_LOW_DELAY = {"fflags": "nobuffer", "flags": "low_delay"}
_BROKEN_IN_A_ROW = 50


class Stream:
    """A URL that FFmpeg reads (http MJPEG, rtsp, udp, ...) or a film file; a `Source` for the capture thread.

    A film, and a URL that knows its own length, plays at its own rate and ends, or starts again with `loop`. Any other
    URL gives pictures as they arrive and counts as lost when it stops. Pictures larger than `width` or `height` are
    scaled down to fit, keeping their proportions and even sides; smaller ones stay.

    Raises:
        InputError: the film is missing, no film, or has no pictures.
        SourceError: the URL does not answer, or has no pictures.
    """

    def __init__(
        self,
        place: str | Path,
        *,
        loop: bool = False,
        width: int | None = None,
        height: int | None = None,
        timeouts: tuple[float, float] = (OPEN_TIMEOUT, READ_TIMEOUT),
    ) -> None:
        self._place = place
        self._is_url = isinstance(place, str)
        self._name = re.sub(r"//[^/@]*@", "//", place) if isinstance(place, str) else str(place)  # no password in logs
        self._loop = loop
        self._width, self._height = width, height
        self._timeouts = timeouts
        self._container: av.container.InputContainer | None = None
        self._shown_until = 0.0
        self._start()
        assert self._container is not None
        self.live = self._is_url and not self._container.duration

    def describe(self) -> dict[str, Any]:
        """Name, width, height and fps of the stream as it will be read, its codec and whether it is live."""
        video = self._video
        width, height = self._fitted(video.codec_context.width, video.codec_context.height)
        rate = video.average_rate or video.guessed_rate
        return {
            "name": self._name,
            "width": width,
            "height": height,
            "fps": round(float(rate), 3) if rate else None,
            "format": video.codec_context.name,
            "live": self.live,
        }

    def read(self) -> LiveFrame | None:
        """Wait for the next picture; None at a film's end.

        Raises:
            SourceError: the stream ended, fell silent or broke.
        """
        picture = next(self._pictures, None)
        if picture is None and self._loop and not self.live and self._shown_until:
            self._start()
            picture = next(self._pictures, None)
        return picture

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def _start(self) -> None:
        self.close()
        options = {}
        if self._is_url:
            options = {**_LOW_DELAY, "rtsp_transport": "tcp"} if self._name.startswith("rtsp") else _LOW_DELAY
        try:
            self._container = av.open(
                str(self._place), options=options, timeout=self._timeouts if self._is_url else None
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._cannot_open(_reason(error)) from error
        if not self._container.streams.video:
            self.close()
            raise self._cannot_open("it has no pictures")
        self._video = self._container.streams.video[0]
        # Threads over frames hold back as many frames as there are threads: fine for a film, a delay in a live stream.
        self._video.thread_type = "SLICE" if self._is_url else "AUTO"
        self._pictures = self._decoded(self._container, self._shown_until)

    def _decoded(self, container: "av.container.InputContainer", offset: float) -> Iterator[LiveFrame]:
        video = self._video
        rate = video.average_rate or video.guessed_rate or 25
        beginning: float | None = None
        due, broken = 0.0, 0
        packets = container.demux(video)
        while True:
            try:
                packet = next(packets, None)
                frames = packet.decode() if packet is not None else []
                broken = 0
            except av.error.InvalidDataError as error:  # one damaged packet is a blemish, many are a loss
                broken += 1
                if broken > _BROKEN_IN_A_ROW:
                    raise SourceError(f"{self._name} sends nothing that can be decoded") from error
                continue
            except (av.FFmpegError, OSError, ValueError) as error:
                if not self.live:
                    return
                raise SourceError(f"{self._name} was lost: {_reason(error)}") from error
            if packet is None:
                return
            for frame in frames:
                captured = time.monotonic()
                width, height = self._fitted(frame.width, frame.height)
                pixels = frame.to_ndarray(format="bgr24", width=width, height=height)
                turns = getattr(frame, "rotation", 0) // 90 % 4
                if turns:
                    pixels = np.ascontiguousarray(np.rot90(pixels, turns))
                if self.live:
                    yield LiveFrame(pixels, captured)
                    continue
                stamp = frame.time if frame.time is not None else due + 1 / rate
                beginning = stamp if beginning is None else beginning
                due = float(stamp - beginning)
                self._shown_until = offset + due + float(1 / rate)
                yield LiveFrame(pixels, captured, offset + due)

    def _fitted(self, width: int, height: int) -> tuple[int, int]:
        scale = min(1.0, (self._width or width) / max(width, 1), (self._height or height) / max(height, 1))
        if scale == 1.0:
            return width, height
        return max(16, round(width * scale / 2) * 2), max(16, round(height * scale / 2) * 2)

    def _cannot_open(self, reason: str) -> Exception:
        if self._is_url:
            return SourceError(
                f"{self._name} cannot be opened: {reason}. Check the address and that the server runs; "
                f"`ffplay {self._name}` shows whether others can read it"
            )
        return InputError(f"{self._name} cannot be opened as a film: {reason}. Choose another file with --source")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError | av.error.ExitError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error)
