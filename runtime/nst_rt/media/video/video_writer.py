"""Videos written as H.264 with the source's time stamps and audio; a file appears whole or not at all."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, get_args

import av

from nst_rt.contract import Frame
from nst_rt.errors import OutputError
from nst_rt.files.atomic import replacing, why_not_written
from nst_rt.media.pixels.color_spaces import assumed_colors
from nst_rt.media.video.audio_reader import AudioReader
from nst_rt.media.video.audio_writer import AudioWriter
from nst_rt.media.video.encoder_frames import PIXELS, X264_CHROMA, EncoderFrames
from nst_rt.media.video.video_info import VideoInfo

FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""Containers by suffix."""

Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]
CRF = 18
"""Default quality, visually near lossless."""
PRESET: Preset = "veryfast"
"""Default speed: on a CPU the network needs the cores more than the encoder does."""

_PLAUSIBLE_RATES = Fraction(1), Fraction(1000)
"""x264 sizes its buffers by the rate, and some files claim 90 000 frames a second."""

_NOT_COPIED = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "rotate", "DURATION", "creation_time"}
)
"""Metadata about the file of the source."""


class VideoWriter:
    """Writes frames as an H.264 video (libx264, yuv420p, limited range, fast start), and a video's audio with them.

    MP4 and MOV keep the frames' time stamps exactly, Matroska to the millisecond. H.264 in 4:2:0, the only kind that
    browsers and phones play, has even sizes only: an odd side gets one more row or column, a copy of the last, and a
    notice. Use it as a context manager: the file takes its place when the block ends well, and is gone when the block
    raises.

    >>> with VideoReader("holiday.mp4") as reader, AudioReader("holiday.mp4") as audio:
    ...     with VideoWriter("negative.mp4", reader.info, audio=audio) as writer:
    ...         for frame in reader:
    ...             writer.write(255 - frame.bgr, frame.pts)

    Args:
        path: `.mp4`, `.mov` or `.mkv`, in either case.
        info: size, times and colours; `VideoReader.info` for a copy.
        audio: the video whose audio tracks are copied.
        crf: 0 (lossless) to 51; 18 is visually near lossless.
        preset: x264's, `ultrafast` to `veryslow`.

    Raises:
        OutputError: unknown suffix, a folder that is missing or read-only, a full disk, a crf or preset that x264
            does not know, time stamps that do not rise.
    """

    def __init__(
        self,
        path: str | Path,
        info: VideoInfo,
        *,
        audio: AudioReader | None = None,
        crf: int = CRF,
        preset: str = PRESET,
    ) -> None:
        self.path, self.info = Path(path), info
        check_video_output(self.path, crf, preset)
        self.notices: list[str] = []
        """What differs from the source, one sentence each."""
        self.frames_written = 0
        self._colors = (info.colors or assumed_colors(info.width, info.height)).for_writing()
        self._frames = EncoderFrames(info.width, info.height, self._colors)
        if (self._frames.width, self._frames.height) != (info.width, info.height):
            self.notices.append(
                f"{info.width}x{info.height} is written as {self._frames.width}x{self._frames.height} with the edge "
                "repeated: H.264 as browsers and phones play it has even sizes only"
            )
        self._start_pts = round(info.start / info.time_base)
        low, high = _PLAUSIBLE_RATES
        frame_seconds = 1 / info.average_rate if 0 < info.average_rate <= high else Fraction(1, 25)
        self._frame_length = max(1, round(frame_seconds / info.time_base))
        self._rate = info.average_rate if low <= info.average_rate <= high else Fraction(25)
        self._last: tuple[Frame, int] | None = None
        self._finished = False
        with ExitStack() as opened:
            temporary = opened.enter_context(replacing(self.path))
            with self._errors():
                self._open(temporary, audio, {"crf": str(crf), "preset": preset, **X264_CHROMA})
            self._file = opened.pop_all()

    def _open(self, temporary: Path, audio: AudioReader | None, x264_options: dict[str, str]) -> None:
        suffix = self.path.suffix.lower()
        options = {} if suffix == ".mkv" else {"movflags": "+faststart"}
        self._container = av.open(f"file:{temporary}", "w", format=FORMATS[suffix], options=options)
        try:
            self._container.metadata.update(
                {key: value for key, value in self.info.metadata.items() if key not in _NOT_COPIED}
            )
            stream = self._stream = self._container.add_stream("libx264", rate=self._rate, options=x264_options)
            stream.width, stream.height = self._frames.width, self._frames.height
            stream.pix_fmt = PIXELS.name
            context = stream.codec_context
            context.time_base = self.info.time_base
            context.sample_aspect_ratio = self.info.sample_aspect_ratio
            context.colorspace, context.color_range = self._colors.matrix, self._colors.range
            context.color_primaries, context.color_trc = self._colors.primaries, self._colors.transfer
            self._audio = None
            if audio is not None and audio.streams:
                self._audio = AudioWriter(audio, self._container, suffix, self.info.start)
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

    def write(self, bgr: Frame, pts: int) -> None:
        """Append a frame.

        Args:
            bgr: uint8 (height, width, 3), 0 to 255.
            pts: when to show it, in units of `info.time_base`; later than the frame before.

        Raises:
            OutputError: wrong size, a time that does not rise, or the disk is full.
        """
        if bgr.shape != (self.info.height, self.info.width, 3):
            size = f"{self.info.width}x{self.info.height}"
            raise OutputError(
                f"{self.path}: a frame of shape {bgr.shape} in a video of {size} px. Resize it first", parameter="bgr"
            )
        if self._last is not None and pts <= self._last[1]:
            raise OutputError(
                f"{self.path}: time stamp {pts} after {self._last[1]}. Write frames in the order of showing",
                parameter="pts",
            )
        self._last = bgr, pts
        frame = self._frames(bgr)
        frame.pts, frame.time_base = pts - self._start_pts, self.info.time_base
        with self._errors():
            self._mux(self._stream.encode(frame))
        self.frames_written += 1

    def _mux(self, packets: "list[av.Packet[av.VideoStream]]") -> None:
        for packet in packets:
            packet.duration = packet.duration or self._frame_length
            if self._audio is not None and packet.dts is not None:
                self._audio.write_until(packet.dts * packet.time_base)
            self._container.mux(packet)

    def extend_last_frame(self, until: Fraction) -> None:
        """Show the last frame until a time; it is written once more where the video would end before.

        Args:
            until: in seconds of the new video.

        Raises:
            OutputError: the disk is full.
        """
        if self._last is None:
            return
        bgr, pts = self._last
        end = self._start_pts + round(until / self.info.time_base)
        if end - pts > self._frame_length:
            self.write(bgr, end - self._frame_length)
        else:
            self._frame_length = max(1, end - pts)

    def finish(self, *, audio_until: Fraction | None = None) -> None:
        """Write what the encoder still holds and the rest of the audio, and move the file to its place; once.

        Args:
            audio_until: seconds of the new video after which audio is left out, for a video whose frames were cut.

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
        self._file.close()

    def _abandon(self, error: BaseException) -> None:
        self._finished = True
        with suppress(av.error.FFmpegError, OSError):
            self._container.close()
        with suppress(BaseException):
            self._file.__exit__(type(error), error, error.__traceback__)

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
        raise OutputError(f"{path}: crf {crf} is not between 0 and 51. 18 is the default", parameter="crf")
    if preset not in get_args(Preset):
        raise OutputError(
            f"{path}: x264 has no preset {preset!r}. Use one of {', '.join(get_args(Preset))}", parameter="preset"
        )
