"""The audio of a video as the packets that are in the file, undecoded."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av

from nst_rt.media.video.video_file import open_video


class AudioReader:
    """The audio tracks of a video, read from the file a second time and on their own.

    A second reading costs a little disk and frees the image's reader from queueing packets: whoever writes takes
    audio exactly when it is due, so nothing piles up however long the video is.

    Args:
        path: the video.
        start: seconds on the tracks' clock; packets that begin earlier are left out. None leaves out none, not even
            what encoders put before zero.

    Raises:
        InputError: as `open_video`.
    """

    def __init__(self, path: str | Path, *, start: Fraction | None = None) -> None:
        self._container = open_video(Path(path))
        self._start = start
        self.streams: tuple[av.AudioStream, ...] = self._container.streams.audio
        """One for each audio track; empty for a silent video."""

    def packets(self) -> "Iterator[av.Packet[av.AudioStream]]":
        """The packets of all tracks in the order of the file; ends early where the file is cut."""
        if not self.streams:
            return
        first = self.streams[0]
        if self._start is not None and first.time_base:
            with suppress(av.error.FFmpegError, OSError):  # then it begins at the video's beginning
                self._container.seek(int(self._start / first.time_base), stream=first)
        try:
            for packet in self._container.demux(*self.streams):
                stamp = packet.pts if packet.pts is not None else packet.dts
                if (
                    not packet.size
                    or stamp is None
                    or (self._start is not None and stamp * packet.time_base < self._start)
                ):
                    continue
                yield cast("av.Packet[av.AudioStream]", packet)
        except av.error.FFmpegError:
            return

    def close(self) -> None:
        self._container.close()

    def __enter__(self) -> "AudioReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
