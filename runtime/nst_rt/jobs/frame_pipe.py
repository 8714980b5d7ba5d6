"""The loop between two pipes: frames in, stylised frames out, each as soon as it is whole.

Reading, stylising and writing overlap in three threads. At most one frame waits before the network and one behind it,
and nothing waits for a later frame: if the source is slower than the network, a frame leaves before the next arrives.
"""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import NamedTuple

from nst_rt.contract import Frame
from nst_rt.engine.timing import LatencyStatistics, RunStatistics
from nst_rt.errors import NstError
from nst_rt.jobs.pipeline import overlapped
from nst_rt.media.raw_frames.byte_streams import StopRequest
from nst_rt.media.raw_frames.raw_reader import RawFrame, RawVideoReader
from nst_rt.media.raw_frames.raw_writer import RawVideoWriter

STAGES = ("read", "to BGR", "stylise", "from BGR", "write")


@dataclass
class PipeSummary(RunStatistics):
    """How a run went. A frame's latency lies between its last byte in and its last byte out."""

    stages: dict[str, LatencyStatistics] = field(
        default_factory=lambda: {stage: LatencyStatistics() for stage in STAGES}
    )
    error: NstError | None = None
    """Why it ended, if not because the source did."""

    def to_text(self) -> str:
        """For a person, on one line."""
        told = f"{self.frames} frames in {self.seconds:.1f} s"
        if not self.frames:
            return told
        return f"{told}, {self.rate.overall:.2f} frames/s; {self.latencies(1)}"


class _Stylized(NamedTuple):
    frame: RawFrame
    bgr: Frame
    stylizing: float


class FramePipe:
    """Frames from a reader to a writer, through three stages that overlap.

    Args:
        reader: what comes.
        stylize: makes uint8 (H, W, 3) BGR of uint8 (H, W, 3) BGR; called with one frame after the other.
        writer: what goes.
        stop: the request that both streams were opened with.
    """

    def __init__(
        self, reader: RawVideoReader, stylize: Callable[[Frame], Frame], writer: RawVideoWriter, stop: StopRequest
    ) -> None:
        self._reader, self._stylize, self._writer, self._stop = reader, stylize, writer, stop
        self._summary = PipeSummary()

    def run(self) -> PipeSummary:
        """Stylise every frame until the source ends, the reader of the results is gone, or `stop` is called.

        Frames that were read whole by then are written, unless their reader is gone. An error of nst-rt is not raised,
        but kept in the summary.

        Raises:
            OSError: the disk is full.
        """
        began = time.perf_counter()
        try:
            self._writer.begin()
            overlapped(self._read(), self._work, self._deliver, depth=1)
        except NstError as error:
            self._summary.error = error
        self._summary.seconds = time.perf_counter() - began
        return self._summary

    def stop(self) -> None:
        """End the run; from a signal handler or any thread."""
        self._stop.ask()

    def _read(self) -> Generator[RawFrame, None, None]:
        try:
            yield from self._reader.frames()
        except NstError as error:  # the frames before it are written all the same
            self._summary.error = error

    def _work(self, frame: RawFrame) -> _Stylized:
        started = time.perf_counter()
        try:
            return _Stylized(frame, self._stylize(frame.bgr), time.perf_counter() - started)
        except BaseException:
            self._stop.ask()  # or the reading thread would wait for a next frame
            raise

    def _deliver(self, made: _Stylized) -> None:
        try:
            self._write(made)
        except BaseException:
            self._stop.ask()
            raise

    def _write(self, made: _Stylized) -> None:
        frame = made.frame
        started = time.perf_counter()
        pieces = self._writer.pack(made.bgr, frame.alpha, frame.parameters)
        packed = time.perf_counter()
        self._writer.write(pieces)
        written = time.perf_counter()
        self._summary.rate.tick(written)
        self._summary.latency.add(written - frame.arrived)
        seconds = (frame.reading, frame.converting, made.stylizing, packed - started, written - packed)
        for stage, took in zip(STAGES, seconds, strict=True):
            self._summary.stages[stage].add(took)
