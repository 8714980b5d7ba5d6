"""The audio of a video as the packets that are in the file, undecoded."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import cast

import av

from nst_rt.closable import Closable
from nst_rt.media.video.video_file import open_video


class AudioReader(Closable):
    """Reads the audio tracks of a video, in a second pass through the file.

    The second pass costs a little disk, and no reader of frames has to queue packets: whoever writes takes audio
    exactly when it is due, so nothing piles up however long the video is.

    Args:
        path: the video.
        start: a time stamp in seconds; packets that begin earlier are left out. None leaves out none, not even those
            that encoders put before zero.

    Raises:
        InputError: missing, a folder, no permission, empty, or not a video.

    Examples:
        >>> with AudioReader("holiday.mp4") as audio:
        ...     len(audio.streams)
        1
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
            with suppress(av.error.FFmpegError, OSError):  # then it reads from the file's beginning
                self._container.seek(int(self._start / first.time_base), stream=first)
        with suppress(av.error.FFmpegError):
            for packet in self._container.demux(*self.streams):
                stamp = packet.pts if packet.pts is not None else packet.dts
                if not packet.size or stamp is None:
                    continue
                if self._start is None or stamp * packet.time_base >= self._start:
                    yield cast("av.Packet[av.AudioStream]", packet)

    def close(self) -> None:
        """Close the file."""
        self._container.close()
