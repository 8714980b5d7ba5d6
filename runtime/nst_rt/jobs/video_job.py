"""Stylising a video: every frame, with its time stamp, and the audio as it is."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from nst_rt.contract import Frame
from nst_rt.files.naming import check_not_taken
from nst_rt.jobs.opened_style import open_style
from nst_rt.jobs.pipeline import overlapped_in_flight
from nst_rt.jobs.progress import ProgressCallback, ProgressCounter, Report, silent
from nst_rt.jobs.result_names import result_tag
from nst_rt.jobs.style_request import StyleRequest
from nst_rt.jobs.stylizer_options import StylizerOptions
from nst_rt.media.video.audio_reader import AudioReader
from nst_rt.media.video.video_part import VideoPart
from nst_rt.media.video.video_reader import VideoFrame, VideoReader
from nst_rt.media.video.video_writer import CRF, PRESET, VideoWriter, check_video_output
from nst_rt.stylizer.protocol import Prepared

PrepareAt = Callable[[Frame, float], Prepared]
"""Takes a frame and its second in the video, see `OpenedStyle.prepare_at`."""


@dataclass
class VideoSummary:
    """What became of a video.

    Examples:
        >>> options = StylizerOptions(style="gogh", device="cpu")
        >>> stylize_video(Path("holiday.mp4"), Path("gogh.mp4"), options).frames
        5
    """

    source: Path
    target: Path
    frames: int
    width: int
    height: int
    average_rate: Fraction
    start: float
    """Seconds of the video that were left out."""
    duration: float
    """Seconds of the result."""
    seconds: float
    """That it took."""
    in_flight: int
    """Frames that were stylised at once."""
    audio: list[dict[str, str]]
    """What became of each audio track."""
    notices: list[str]
    warning: str | None
    """Why the video ended early; None if it is whole."""
    stylizer: dict[str, Any] = field(default_factory=dict)
    """What ran, see `Stylizer.describe`."""

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "input": str(self.source),
            "output": str(self.target),
            "frames": self.frames,
            "width": self.width,
            "height": self.height,
            "average_rate": str(self.average_rate),
            "start": self.start,
            "duration": self.duration,
            "seconds": round(self.seconds, 3),
            "fps": round(self.fps, 3),
            "in_flight": self.in_flight,
            "audio": self.audio,
            "notices": self.notices,
            "warning": self.warning,
            "stylizer": self.stylizer,
        }


def stylize_video(
    video: Path,
    output: Path | None = None,
    options: StylizerOptions | None = None,
    *,
    size: int | None = None,
    start: Fraction = Fraction(0),
    duration: Fraction | None = None,
    crf: int = CRF,
    preset: str = PRESET,
    audio: bool = True,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
    report: Report = silent,
) -> VideoSummary:
    """Stylise a video. One that is cut short is stylised to its end and kept, with a `warning`.

    Args:
        video: of any format that FFmpeg reads.
        output: .mp4, .mov or .mkv; VIDEO.STYLE.mp4 beside the video if left out.
        options: the mask may be a video too.
        size: scale down to this many pixels on the long side at most; both sides become even.
        start: seconds of the video to leave out. Times of a timeline stay those of the whole video.
        duration: seconds at most.
        crf: H.264 quality from 0 to 51; smaller is better and larger.
        preset: of x264, from `ultrafast` to `veryslow`.
        audio: copy the audio of the video.
        overwrite: replace a file that exists.
        report: called with every notice as it comes; they are in the summary too.

    Raises:
        NstError: the video, the style or the mask cannot be read, or the result cannot be written.

    Examples:
        >>> options = StylizerOptions(style="gogh", device="cpu")
        >>> summary = stylize_video(Path("holiday.mp4"), Path("gogh.mp4"), options)
        >>> summary.frames
        5
    """
    part = VideoPart(start, duration)
    request = StyleRequest.read(options or StylizerOptions())
    if output is not None:
        check_video_output(output, crf, preset)
    with VideoReader(video, long_side=size, part=part) as reader, ExitStack() as opened:
        style = open_style(request, opened, video_mask=True, start=part.start)
        if output is None:
            left, length = float(start) or None, float(duration) if duration else None
            output = video.with_name(f"{video.stem}.{result_tag(style, size=size, start=left, duration=length)}.mp4")
        check_video_output(output, crf, preset)
        # This check comes last: who gives another name for the result should not learn only then what else is wrong.
        check_not_taken(output, [video, *request.files()], overwrite=overwrite)
        # Before the work where the header tells the length, else after it.
        unseen = request.unseen(part, reader.duration) if reader.duration else []
        for notice in unseen:
            report(f"note: {notice}")
        in_flight = style.stylize.in_flight(reader.height, reader.width)
        try:
            summary = transcode(
                reader,
                style.prepare_at,
                output,
                in_flight=in_flight,
                crf=crf,
                preset=preset,
                audio=audio,
                progress=progress,
            )
        except KeyboardInterrupt:
            report(f"interrupted; nothing of {output} was kept")
            raise
        summary.stylizer = style.describe()
        if not reader.duration:
            summary.notices += request.unseen(part, summary.duration)
    for notice in summary.notices:
        report(f"note: {notice}")
    summary.notices = [*unseen, *summary.notices]
    return summary


def transcode(
    reader: VideoReader,
    prepare: PrepareAt,
    target: Path,
    *,
    in_flight: int = 1,
    crf: int = CRF,
    preset: str = PRESET,
    audio: bool = True,
    progress: ProgressCallback | None = None,
) -> VideoSummary:
    """Decode, stylise and encode the rest of a video into `target`.

    Args:
        prepare: called with one frame after the other and its second in the video, in their order; what it returns
            makes the stylised frame.
        in_flight: frames that are made at once.
    """
    started = time.perf_counter()
    with ExitStack() as opened:
        audio_from = reader.part_start if reader.part.start else None
        copied = (
            opened.enter_context(AudioReader(reader.path, start=audio_from)) if audio and reader.has_audio else None
        )
        writer = VideoWriter(
            target,
            reader.info,
            audio=copied,
            crf=crf,
            preset=preset,
        )
        opened.enter_context(writer)
        frames = _FrameStages(reader, prepare, writer, ProgressCounter(progress, reader.frame_count, "frames"))
        overlapped_in_flight(frames.read(), frames.begin, frames.finish, frames.write, in_flight)
        end = frames.last * reader.time_base - reader.part_start + 1 / reader.average_rate
        if reader.part_ended and reader.part.length is not None:
            end = reader.part.length
            writer.extend_last_frame(end)
        # Audio that goes on over a video's missing end would make the result look whole.
        writer.finish(audio_until=end if reader.warning else reader.part.length)
    return VideoSummary(
        source=reader.path,
        target=target,
        frames=writer.frames_written,
        width=reader.width,
        height=reader.height,
        average_rate=reader.average_rate,
        start=float(reader.part.start),
        duration=round(float(end), 6),
        seconds=time.perf_counter() - started,
        in_flight=in_flight,
        audio=writer.audio_tracks,
        notices=[*reader.notices, *writer.notices],
        warning=reader.warning,
    )


class _FrameStages:
    """What happens to each frame between the reader and the writer."""

    def __init__(self, reader: VideoReader, prepare: PrepareAt, writer: VideoWriter, counter: ProgressCounter) -> None:
        self._reader, self._prepare, self._writer, self._counter = reader, prepare, writer, counter
        self.last = 0
        """Time stamp of the last frame that was written."""

    def read(self) -> Generator[VideoFrame, None, None]:
        yield from self._reader

    def begin(self, frame: VideoFrame) -> tuple[VideoFrame, Prepared]:
        seconds = float(frame.pts * frame.time_base - self._reader.start)
        return frame, self._prepare(frame.bgr, seconds)

    def finish(self, begun: tuple[VideoFrame, Prepared]) -> VideoFrame:
        frame, prepared = begun
        return frame._replace(bgr=prepared.run())

    def write(self, frame: VideoFrame) -> None:
        self._writer.write(frame.bgr, frame.pts)
        self.last = frame.pts
        self._counter.advance()
