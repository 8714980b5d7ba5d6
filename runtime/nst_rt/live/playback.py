"""A video as a live source: played at its own rate."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nst_rt.live.capture import LiveFrame
from nst_rt.live.stream import fitted
from nst_rt.media.video.video_reader import VideoReader


class VideoPlayback:
    """A video file as a `Source` for the capture thread, which paces it by its time stamps.

    Args:
        path: the video.
        loop: start again at the end.
        width, height: in pixels; larger frames are scaled down to fit.

    Raises:
        InputError: the video is missing, is not a video, or has no images.

    Examples:
        It needs that video.

        >>> VideoPlayback("holiday.mp4", loop=True).read().due  # doctest: +SKIP
        0.0
    """

    live = False

    def __init__(
        self, path: str | Path, *, loop: bool = False, width: int | None = None, height: int | None = None
    ) -> None:
        self._path, self._loop = Path(path), loop
        self._long_side: int | None = None
        self._reader = VideoReader(path)
        within = fitted(self._reader.width, self._reader.height, width, height)
        if max(within) < max(self._reader.width, self._reader.height):
            self._long_side = max(within)
            self._reader.close()
            self._reader = VideoReader(path, long_side=self._long_side)
        self._frames = self._play()

    def describe(self) -> dict[str, Any]:
        """What the video gives, ready for JSON.

        Name, width, height and fps of its frames, format (the codec), duration in seconds, and whether it has audio,
        which is not played.
        """
        reader = self._reader
        return {
            "name": str(self._path),
            "width": reader.width,
            "height": reader.height,
            "fps": round(float(reader.average_rate), 3),
            "format": reader.codec,
            "duration": float(reader.duration) if reader.duration else None,
            "audio": reader.has_audio,
        }

    def read(self) -> LiveFrame | None:
        """The next frame with the time to show it; None at the end.

        Raises:
            InputError: the video cannot be opened again for the next round of a loop.
        """
        return next(self._frames, None)

    def close(self) -> None:
        """Close the file; harmless twice."""
        self._frames.close()  # type: ignore[attr-defined]
        self._reader.close()

    def _play(self) -> Iterator[LiveFrame]:
        begins = 0.0
        while True:
            first: float | None = None
            due = begins
            for frame in self._reader:
                stamp = float(frame.pts * frame.time_base)
                first = stamp if first is None else first
                due = begins + stamp - first
                yield LiveFrame(frame.bgr, 0.0, due)  # the capture thread sets the time
            if not self._loop or first is None:
                return
            begins = due + 1 / float(self._reader.average_rate)
            self._reader.close()
            self._reader = VideoReader(self._path, long_side=self._long_side)
