"""Network streams as live sources, through PyAV."""

import re
import time
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

from nst_rt.errors import SourceError
from nst_rt.live.capture import LiveFrame
from nst_rt.media.pixels.color_spaces import ColorSpace

OPEN_TIMEOUT, READ_TIMEOUT = 10.0, 5.0
"""Seconds that a server may take to answer, and that a stream may pause before it counts as lost."""

_LOW_DELAY = {"fflags": "nobuffer", "flags": "low_delay"}
_BROKEN_IN_A_ROW = 50


class Stream:
    """A URL that FFmpeg reads (http MJPEG, rtsp, udp, ...); a `Source` for the capture thread.

    Frames come as they arrive, and a stream that stops is lost. A URL of known length, such as a video on a web server,
    is not live: it plays at its own rate and ends. The size of the frames may change at any time.

    Args:
        url: its user name and password are left out of all messages.
        width, height: in pixels; larger frames are scaled down to fit, with even sides and their proportions kept.
        timeouts: seconds for the server to answer, and for the next data to come.

    Raises:
        SourceError: the URL does not answer, or has no images.

    Examples:
        It needs that camera.

        >>> Stream("rtsp://camera.local/live").describe()["format"]  # doctest: +SKIP
        'h264'
    """

    def __init__(
        self,
        url: str,
        *,
        width: int | None = None,
        height: int | None = None,
        timeouts: tuple[float, float] = (OPEN_TIMEOUT, READ_TIMEOUT),
    ) -> None:
        self._name = re.sub(r"//[^/@]*@", "//", url)  # no password in messages
        self._width, self._height = width, height
        options = {**_LOW_DELAY, "rtsp_transport": "tcp"} if url.startswith("rtsp") else _LOW_DELAY
        try:
            self._container = av.open(url, options=options, timeout=timeouts)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._cannot_open(_reason(error)) from error
        if not self._container.streams.video:
            self._container.close()
            raise self._cannot_open("it has no images")
        self._video = self._container.streams.video[0]
        if not self._video.codec_context.width:
            self._container.close()
            raise self._cannot_open("no image came")
        # Frame threads would delay the stream by one frame each.
        self._video.thread_type = "SLICE"
        self.live = not self._container.duration
        self._reformatter = VideoReformatter()
        self._frames = self._read()

    def describe(self) -> dict[str, Any]:
        """What the stream announces, ready for JSON: name, width, height, fps, format (the codec) and live."""
        context = self._video.codec_context
        width, height = fitted(context.width, context.height, self._width, self._height)
        rate = self._video.average_rate or self._video.guessed_rate
        return {
            "name": self._name,
            "width": width,
            "height": height,
            "fps": round(float(rate), 3) if rate else None,
            "format": context.name,
            "live": self.live,
        }

    def read(self) -> LiveFrame | None:
        """Wait for the next frame; None at the end.

        Raises:
            SourceError: the stream stopped or broke.
        """
        return next(self._frames, None)

    def close(self) -> None:
        """Close the connection; harmless twice."""
        self._frames.close()  # type: ignore[attr-defined]
        self._container.close()

    def _read(self) -> Iterator[LiveFrame]:
        beginning: float | None = None
        for frame in self._decoded():
            captured = time.monotonic()
            width, height = fitted(frame.width, frame.height, self._width, self._height)
            colors = ColorSpace.of_decoded(frame, self._video)
            converted = self._reformatter.reformat(
                frame,
                width,
                height,
                "bgr24",
                src_colorspace=colors.swscale_matrix,
                src_color_range=ColorRange(colors.range).name,
                dst_color_range="JPEG",
                interpolation="BILINEAR" if (width, height) == (frame.width, frame.height) else "AREA",
            )
            due = None
            if not self.live and frame.time is not None:
                beginning = frame.time if beginning is None else beginning
                due = frame.time - beginning
            yield LiveFrame(np.asarray(converted.to_ndarray(), np.uint8), captured, due)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        packets, broken = self._container.demux(self._video), 0
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames = packet.decode()
                broken = 0
            except av.error.InvalidDataError as error:  # one damaged packet is skipped, many in a row are a loss
                broken += 1
                if broken > _BROKEN_IN_A_ROW:
                    raise SourceError(f"{self._name} sends nothing that can be decoded") from error
                continue
            except (av.FFmpegError, OSError) as error:
                raise SourceError(f"{self._name} was lost ({_reason(error)})") from error
            yield from frames

    def _cannot_open(self, reason: str) -> SourceError:
        return SourceError(
            f"{self._name} cannot be opened: {reason}. Check the address and that the server runs; "
            f"`ffplay {self._name}` shows whether other programs can read it",
            parameter="source",
        )


def fitted(width: int, height: int, most_width: int | None, most_height: int | None) -> tuple[int, int]:
    """Width and height scaled down to fit, proportions kept, both even; unchanged if they fit.

    Examples:
        >>> fitted(1920, 1080, 640, None)
        (640, 360)
    """
    scale = min((most_width or width) / max(width, 1), (most_height or height) / max(height, 1))
    if scale >= 1:
        return width, height
    return max(16, round(width * scale / 2) * 2), max(16, round(height * scale / 2) * 2)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError | av.error.ExitError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error)
