"""Recordings of a live run: of variable frame rate, by the clock, and never lost.

`VideoWriter` writes a whole video or none, but a live run cannot be repeated. So a recording is written in fragments of
one second to `NAME.part.mp4`, which plays even if the process is killed or the disk is full. `stop` adds the index,
which makes it an ordinary MP4, and gives it its name.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import OutputError
from nst_rt.live.letterbox import letterbox
from nst_rt.media.pixels.color_spaces import assumed_colors
from nst_rt.media.video.encoder_frames import PIXELS, X264_CHROMA, EncoderFrames
from nst_rt.media.video.video_writer import CRF, FORMATS, PRESET, check_video_output

_TIME_BASE = Fraction(1, 90_000)
_SHORTEST = 90  # a millisecond, the unit of time in Matroska
_FRAGMENT = "1000000"  # microseconds


class Recorder:
    """Records frames with the times at which they were taken; can start and stop many times.

    A recording has the size of its first frame; frames of another size are fitted in. An odd side gets one more row or
    column, because browsers and phones play H.264 of even sizes only.

    Args:
        rate: frames a second that the file announces; the frames keep their own times.

    Examples:
        >>> import tempfile
        >>> import numpy as np
        >>> recorder = Recorder()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     recorder.start(Path(folder) / "out.mp4")
        ...     recorder.write(np.zeros((48, 64, 3), np.uint8), taken=0.0)
        ...     recorder.stop().name
        'out.mp4'
    """

    def __init__(self, *, rate: float = 30.0) -> None:
        self._rate = Fraction(rate).limit_denominator(1001) if 1 <= rate <= 1000 else Fraction(30)
        self._path: Path | None = None
        self._container: av.container.OutputContainer | None = None
        self._began, self._last = 0.0, -1

    @property
    def recording(self) -> bool:
        """Whether it is between `start` and `stop`."""
        return self._path is not None

    def seconds(self, now: float) -> float:
        """Length so far, if the last frame lasts until `now`; 0 before the first frame."""
        return now - self._began if self._container is not None else 0.0

    def start(self, path: Path) -> None:
        """Record to `path` (.mp4, .mov or .mkv) from the next frame on.

        Raises:
            OutputError: the file exists, its folder is missing or read-only, or its suffix is unknown.
        """
        check_video_output(path)
        if path.exists() or _part(path).exists():
            there = path if path.exists() else _part(path)
            raise OutputError(
                f"{there} exists and a recording replaces nothing: move it or choose another name", parameter="record"
            )
        if not path.parent.is_dir():
            raise OutputError(f"{path}: there is no folder {path.parent}. Make it first", parameter="record")
        if not os.access(path.parent, os.W_OK):
            raise OutputError(
                f"{path}: no permission to write in {path.parent}. Record to another folder", parameter="record"
            )
        self._path = path

    def write(self, image: NDArray[np.uint8], taken: float) -> None:
        """Append a frame.

        Args:
            image: (H, W, 3) uint8 BGR.
            taken: when, in seconds of any monotonic clock.

        Raises:
            OutputError: the disk is full or gone; the recording ends and keeps what it has.
        """
        assert self._path is not None, "start() comes first"
        with self._explained():
            if self._container is None:
                self._open(self._path, *image.shape[:2])
                self._began = taken
            pts = max(round(Fraction(taken - self._began) / _TIME_BASE), self._last + _SHORTEST)
            self._last = pts
            self._mux(self._stream.encode(self._frame(image, pts)))

    def stop(self) -> Path | None:
        """Finish the file; returns its path, or None if there was no frame.

        Raises:
            OutputError: the file could not be finished; it keeps what it has.
        """
        if self._container is None:
            self._path = None
            return None
        with self._explained():
            self._mux(self._stream.encode(None))
            self._container.close()
        return self._settle()

    def _open(self, path: Path, height: int, width: int) -> None:
        suffix = path.suffix.lower()
        options = {"flush_packets": "1"}  # or FFmpeg keeps a megabyte in memory
        if suffix != ".mkv":  # Matroska is written in pieces anyway
            options |= {"movflags": "+hybrid_fragmented", "frag_duration": _FRAGMENT}
        self._container = av.open(f"file:{_part(path)}", "w", format=FORMATS[suffix], options=options)
        self._shape, self._last = (height, width), -_SHORTEST
        self._colors = assumed_colors(width, height)
        self._frames = EncoderFrames(width, height, self._colors)
        # Without B-frames: with irregular times they would make the fragments' first image late by a gap.
        self._stream: av.VideoStream = self._container.add_stream(
            "libx264", rate=self._rate, options={"crf": str(CRF), "preset": PRESET, "bf": "0", **X264_CHROMA}
        )
        stream = self._stream
        stream.width, stream.height = self._frames.width, self._frames.height
        stream.pix_fmt = PIXELS.name
        context = stream.codec_context
        context.time_base = _TIME_BASE
        context.colorspace, context.color_range = self._colors.matrix, self._colors.range
        context.color_primaries, context.color_trc = self._colors.primaries, self._colors.transfer

    def _frame(self, image: NDArray[np.uint8], pts: int) -> av.VideoFrame:
        frame = self._frames(letterbox(image, *self._shape))
        frame.pts, frame.time_base = pts, _TIME_BASE
        return frame

    def _mux(self, packets: "list[av.Packet[av.VideoStream]]") -> None:
        assert self._container is not None
        for packet in packets:
            if not packet.duration:
                packet.duration = round(1 / (self._rate * _TIME_BASE))
            self._container.mux(packet)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn an error of the file into one that says where the recording is."""
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            wanted = self._path
            kept = self._settle()
            reason = getattr(error, "strerror", None) or str(error)
            where = f"what was recorded is in {kept}" if kept else "nothing was recorded"
            raise OutputError(
                f"{wanted} cannot be written ({reason}); {where}. Free space, or record to another disk"
            ) from error

    def _settle(self) -> Path | None:
        """Close the file in whatever state it is, and give it its name."""
        path, container = self._path, self._container
        self._path = self._container = None
        if path is None or container is None:
            return None
        with suppress(av.FFmpegError, OSError):  # it plays up to its last whole fragment
            container.close()
        part = _part(path)
        if not part.exists() or not part.stat().st_size:
            part.unlink(missing_ok=True)
            return None
        try:
            return part.rename(free_path(path) if path.exists() else path)
        except OSError:
            return part


def file_name(style: str, now: datetime, suffix: str) -> str:
    """A name for a snapshot or recording that every file system takes.

    Examples:
        >>> file_name("gogh:0.7+wave:0.3", datetime(2026, 11, 21, 1, 39, 5), ".png")
        'nst-rt-20261121-013905-gogh-0.7-wave-0.3.png'
    """
    words = re.sub(r"[^\w.-]+", "-", Path(style).stem if "/" in style else style).strip("-.")[:60]
    return "-".join(filter(None, ("nst-rt", f"{now:%Y%m%d-%H%M%S}", words))) + suffix


def free_path(path: Path) -> Path:
    """`path`, or the first of `name-2.suffix`, `name-3.suffix` ... that does not exist."""
    number, free = 1, path
    while free.exists() or _part(free).exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free


def _part(path: Path) -> Path:
    return path.with_name(f"{path.stem}.part{path.suffix}")
