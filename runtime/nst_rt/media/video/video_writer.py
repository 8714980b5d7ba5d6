"""Videos written as H.264 with the source's time stamps and audio; a file appears whole or not at all."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, get_args

import av
import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import OutputError
from nst_rt.files.atomic import replacing, why_not_written
from nst_rt.media.pixels.color_spaces import ColorSpace, assumed_colors
from nst_rt.media.video.audio_reader import AudioReader
from nst_rt.media.video.audio_writer import AudioCopier
from nst_rt.media.video.encoder_frames import PIXELS, X264_CHROMA, EncoderFrames

FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""Containers by suffix."""

Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]
CRF = 18
"""Default quality, visually near lossless."""
PRESET: Preset = "veryfast"
"""Default speed: on a CPU the network wants the cores more than the encoder does."""

_TOLD_BY_THE_WRITER = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "rotate", "DURATION", "creation_time"}
)


class VideoWriter:
    """Writes frames as an H.264 video (libx264, yuv420p, limited range, fast start), and a video's audio with them.

    The frames' time stamps go into the file as they are: MP4 and MOV keep them exactly, Matroska to the millisecond.
    H.264 in 4:2:0, the only kind that browsers and phones play, has even sizes only; an odd side gets one more row
    or column, a copy of the last, and a notice. Use as a context manager: the file takes its place when the block
    ends well, and is gone when it raises.

    Args:
        path: `.mp4`, `.mov` or `.mkv`, in either case.
        width, height: of the frames.
        time_base: seconds, the unit of the frames' `pts`.
        average_rate: frames a second, exact; a hint for the encoder and the length of the last frame.
        colors: how to write and tag; if left out BT.709 from 720 rows up and BT.601 below.
        sample_aspect_ratio: width to height of a pixel.
        start: seconds to take off every time stamp, audio and images alike.
        metadata: title and the like.
        audio: the video whose audio tracks are taken over.
        crf: 0 (lossless) to 51, 18 is visually near lossless.
        preset: x264's, `ultrafast` to `veryslow`.

    Raises:
        OutputError: unknown suffix, a folder that is missing or read-only, a full disk, a crf or preset that x264
            does not know, time stamps that do not rise.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        *,
        time_base: Fraction,
        average_rate: Fraction,
        colors: ColorSpace | None = None,
        sample_aspect_ratio: Fraction = Fraction(1),
        start: Fraction = Fraction(0),
        metadata: Mapping[str, str] | None = None,
        audio: AudioReader | None = None,
        crf: int = CRF,
        preset: str = PRESET,
    ) -> None:
        self.path = Path(path)
        check_video_output(self.path, crf, preset)
        self.notices: list[str] = []
        """What differs from the source, one sentence each."""
        self.frames_written = 0
        self._size = width, height
        self._colors = (colors or assumed_colors(width, height)).for_writing()
        self._frames = EncoderFrames(width, height, self._colors)
        self._padded = self._frames.width, self._frames.height
        if self._padded != self._size:
            self.notices.append(
                f"{width}x{height} is written as {self._padded[0]}x{self._padded[1]} with the edge repeated: "
                "H.264 as browsers and phones play it has even sizes only"
            )
        self._time_base, self._start = time_base, start
        self._shift = round(start / time_base)
        self._last: tuple[NDArray[np.uint8], int] | None = None
        self._finished = False
        with ExitStack() as opened:
            temporary = opened.enter_context(replacing(self.path))
            with self._errors():
                self._prepare(temporary, average_rate, sample_aspect_ratio, metadata or {}, audio, crf, preset)
            self._open = opened.pop_all()

    def _prepare(
        self,
        temporary: Path,
        average_rate: Fraction,
        sample_aspect_ratio: Fraction,
        metadata: Mapping[str, str],
        audio: AudioReader | None,
        crf: int,
        preset: str,
    ) -> None:
        suffix = self.path.suffix.lower()
        options = {} if suffix == ".mkv" else {"movflags": "+faststart"}
        self._container = av.open(f"file:{temporary}", "w", format=FORMATS[suffix], options=options)
        try:
            self._container.metadata.update(
                {key: value for key, value in metadata.items() if key not in _TOLD_BY_THE_WRITER}
            )
            # x264 sizes its buffers by the rate; some files claim 90 000 frames a second.
            rate = average_rate if 1 <= average_rate <= 1000 else Fraction(25)
            stream = self._stream = self._container.add_stream(
                "libx264", rate=rate, options={"crf": str(crf), "preset": preset, **X264_CHROMA}
            )
            stream.width, stream.height = self._padded
            stream.pix_fmt = PIXELS.name
            context = stream.codec_context
            context.time_base = self._time_base
            context.sample_aspect_ratio = sample_aspect_ratio
            context.colorspace, context.color_range = self._colors.matrix, self._colors.range
            context.color_primaries, context.color_trc = self._colors.primaries, self._colors.transfer
            length = 1 / average_rate if 0 < average_rate <= 1000 else Fraction(1, 25)
            self._frame_length = max(1, round(length / self._time_base))
            self._audio = None
            if audio is not None and audio.streams:
                self._audio = AudioCopier(audio, self._container, suffix, self._start)
                self.notices += self._audio.notices
            self._container.start_encoding()
        except BaseException:
            with suppress(av.error.FFmpegError, OSError):
                self._container.close()
            raise

    @property
    def audio_tracks(self) -> list[dict[str, str]]:
        """Codec of each audio track in the source and in this file."""
        return self._audio.tracks if self._audio is not None else []

    def write(self, bgr: NDArray[np.uint8], pts: int) -> None:
        """Append a frame.

        Args:
            bgr: uint8 (height, width, 3).
            pts: when to show it, in units of `time_base`; later than the frame before.

        Raises:
            OutputError: wrong size, a time that does not rise, or the disk is full.
        """
        if bgr.shape != (self._size[1], self._size[0], 3):
            raise OutputError(f"{self.path}: a frame of shape {bgr.shape} in a video of {self._size}. Resize it first")
        if self._last is not None and pts <= self._last[1]:
            raise OutputError(f"{self.path}: time stamp {pts} after {self._last[1]}. Frames go in order of showing")
        self._last = bgr, pts
        with self._errors():
            self._mux(self._stream.encode(self._frame(bgr, pts)))
        self.frames_written += 1

    def _frame(self, bgr: NDArray[np.uint8], pts: int) -> av.VideoFrame:
        frame = self._frames(bgr)
        frame.pts, frame.time_base = pts - self._shift, self._time_base
        return frame

    def _mux(self, packets: "list[av.Packet[av.VideoStream]]") -> None:
        for packet in packets:
            packet.duration = packet.duration or self._frame_length
            if self._audio is not None and packet.dts is not None:
                self._audio.write_until(packet.dts * packet.time_base)
            self._container.mux(packet)

    def hold_until(self, seconds: Fraction) -> None:
        """Let the last image stay until `seconds` of the new video, by another frame where one would end earlier.

        Raises:
            OutputError: the disk is full.
        """
        if self._last is None:
            return
        image, pts = self._last
        end = self._shift + round(seconds / self._time_base)
        if end - pts > self._frame_length:
            self.write(image, end - self._frame_length)
        else:
            self._frame_length = max(1, end - pts)

    def finish(self, *, audio_until: Fraction | None = None) -> None:
        """Write what the encoder still holds and the rest of the audio, close the file and move it to its place; once.

        Args:
            audio_until: seconds of the new video after which audio is left out, for a video whose images were cut.

        Raises:
            OutputError: the disk is full, or not one frame was written.
        """
        if self._finished:
            return
        self._finished = True
        try:
            if not self.frames_written:
                raise OutputError(f"{self.path}: no frame was written, so there is no video. Check the source")
            with self._errors():
                self._mux(self._stream.encode(None))
                if self._audio is not None:
                    self._audio.write_until(audio_until)
                    self._audio.finish()
                self._container.close()
        except BaseException as error:
            self._abandon(error)
            raise
        self._open.close()

    def _abandon(self, error: BaseException) -> None:
        self._finished = True
        with suppress(av.error.FFmpegError, OSError):
            self._container.close()
        with suppress(BaseException):
            self._open.__exit__(type(error), error, error.__traceback__)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(why_not_written(self.path, error)) from error
        except av.error.FFmpegError as error:
            raise OutputError(f"{self.path}: FFmpeg cannot write it ({error.strerror}). Try another suffix") from error

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        elif not self._finished:
            self._abandon(error)


def check_video_output(path: Path, crf: int = CRF, preset: str = PRESET) -> None:
    """Raise OutputError unless a video of this name can be written with these settings."""
    if path.suffix.lower() not in FORMATS:
        what = path.suffix or "a name without suffix"
        raise OutputError(f"{path}: cannot write {what}. Use one of {', '.join(FORMATS)}")
    if not 0 <= crf <= 51:
        raise OutputError(f"{path}: crf {crf} is not between 0 and 51. 18 is the default")
    if preset not in get_args(Preset):
        raise OutputError(f"{path}: x264 has no preset {preset!r}. Use one of {', '.join(get_args(Preset))}")
