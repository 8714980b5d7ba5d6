"""Stylising frames between two programs: from one stream of bytes to another, each frame as soon as it is whole."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count, repeat

from nst_rt.errors import InputError
from nst_rt.jobs.frame_pipe import FramePipe
from nst_rt.jobs.opened_style import open_style
from nst_rt.jobs.progress import Report, silent
from nst_rt.jobs.style_request import StyleRequest
from nst_rt.jobs.stylizer_options import StylizerOptions
from nst_rt.media.raw_frames.byte_streams import ByteReader, ByteWriter, StopRequest
from nst_rt.media.raw_frames.raw_reader import RawVideoReader, read_y4m_header
from nst_rt.media.raw_frames.raw_writer import RawVideoWriter
from nst_rt.media.raw_frames.stream_format import Y4M, StreamFormat

_RATE_NEEDED = "and the timeline counts by it. Give a frame rate, such as 25"


@dataclass(frozen=True, kw_only=True)
class PipeFormat:
    """The frames that come and the frames that go."""

    format: str = Y4M
    """Of the frames that come: `yuv4mpegpipe`, or raw ones by the name of their pixels, such as `bgr24`."""
    output_format: str | None = None
    """Of the frames that go; the same if left out."""
    size: tuple[int, int] | None = None
    """Width and height of raw frames; yuv4mpegpipe says its own."""
    matrix: str = "auto"
    """Of YUV: `bt601`, `bt709`, or `auto`: BT.709 if both sides have 720 pixels or more, else BT.601."""
    range: str = "auto"
    """Of YUV and gray: `limited`, `full`, or `auto`: what yuv4mpegpipe says, else limited, and full for gray."""
    frame_rate: Fraction | None = None
    """Frames a second, where the frames do not say: for a timeline, and for raw frames that go as yuv4mpegpipe."""

    def check(self, *, timed: bool) -> None:
        """Check that the values fit together.

        Args:
            timed: there is a timeline.

        Raises:
            InputError: they do not.
        """
        raw, goes = self.format != Y4M, self.output_format or self.format
        if raw and self.size is None:
            raise InputError(f"raw {self.format} does not say its size. Give one, such as 1280x720", parameter="size")
        if not raw and self.size is not None:
            raise InputError(
                f"{Y4M} says its size itself. For raw frames give their format too, such as bgr24", parameter="size"
            )
        if raw and timed and self.frame_rate is None:
            raise InputError(f"raw {self.format} does not say its rate, {_RATE_NEEDED}", parameter="frame_rate")
        if self.frame_rate is not None and not timed and not (raw and goes == Y4M):
            raise InputError(
                f"a frame rate is only for raw frames that go out as {Y4M}, and for a timeline. Leave it out",
                parameter="frame_rate",
            )

    def read(self, stream: ByteReader) -> StreamFormat:
        """What comes; of yuv4mpegpipe the header is read.

        Raises:
            FrameStreamError: the header is no good.
            InputError: a side is too small or too large.
        """
        if self.size is not None:
            return StreamFormat.of_raw(*self.size, self.format, matrix=self.matrix, range=self.range)
        return StreamFormat.of_y4m(read_y4m_header(stream), matrix=self.matrix, range=self.range)

    def seconds(self, coming: StreamFormat) -> Iterator[float]:
        """Seconds of one frame after the other, from 0 on.

        Raises:
            InputError: the rate is not known, or known twice.
        """
        told = coming.header.rate if coming.header is not None else None
        if told is not None and self.frame_rate not in (None, told):
            raise InputError(
                f"the stream itself says {told} frames a second. Leave the rate out", parameter="frame_rate"
            )
        rate = told or self.frame_rate
        if rate is None:
            raise InputError(f"the stream does not say its rate, {_RATE_NEEDED}", parameter="frame_rate")
        return (float(index / rate) for index in count())


class PipeJob:
    """Frames to stylise between two streams; nothing is loaded or read yet.

    Raises:
        StyleError, InputError: the options do not fit together.
    """

    def __init__(self, options: StylizerOptions | None = None, format: PipeFormat | None = None) -> None:
        self._request = StyleRequest.read(replace(options or StylizerOptions(), in_flight=1))
        self._format = format or PipeFormat()
        self._format.check(timed=self._request.timeline is not None)

    @contextmanager
    def opened(
        self, source: ByteReader, target: ByteWriter, stop: StopRequest, report: Report = silent
    ) -> Iterator[FramePipe]:
        """Load the network, read the header, and get ready for the first frame.

        Args:
            source, target: that frames are read from, and stylised ones written to; they stay open.
            stop: the request that ends both streams.
            report: called with what comes and goes, notices, and the device.

        Raises:
            NstError: the style, the mask or the header is no good, or the device cannot run the model.
        """
        with ExitStack() as opened:
            style = open_style(self._request, opened, video_mask=True)
            coming = self._format.read(source)
            seconds = self._format.seconds(coming) if style.player is not None else repeat(0.0)
            going = coming.converted(
                self._format.output_format or self._format.format,
                range=self._format.range,
                rate=self._format.frame_rate,
            )
            report(f"in: {coming}; out: {going}")
            for notice in _notices(coming, going):
                report(f"note: {notice}")
            style.stylize.warm_up(coming.height, coming.width)
            report(f"running on {style.stylizer.device}")
            source.widen(coming.frame_bytes)
            target.widen(going.frame_bytes)
            yield FramePipe(
                RawVideoReader(source, coming),
                lambda frame: style.prepare_at(frame, next(seconds)).run(),
                RawVideoWriter(target, going),
                stop,
            )


def _notices(coming: StreamFormat, going: StreamFormat) -> list[str]:
    notices = []
    if coming.header is not None and coming.header.interlaced:
        notices.append("the stream is interlaced, and its fields are stylised woven; ffmpeg -vf bwdif takes them apart")
    if coming.siting not in (None, "center"):
        notices.append("the colour samples of 4:2:0 are moved to the centre, C420jpeg; the image stays where it is")
    if coming.pixels.alpha and not going.pixels.alpha:
        notices.append(f"{going.pixels.name} has no transparency; it is left out")
    return notices
