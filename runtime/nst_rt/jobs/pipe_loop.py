"""The loop between two pipes: frames in, stylised frames out, each as soon as it is whole.

Reading, stylising and writing overlap in three threads. At most one frame waits before the network and one behind it,
and nothing waits for a later frame: if the source is slower than the network, a frame leaves before the next arrives.
"""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import NamedTuple

from nst_rt.contract import Frame
from nst_rt.engine.timing import LatencyStatistics, RateMeter
from nst_rt.errors import NstError
from nst_rt.jobs.pipeline import overlapped
from nst_rt.media.raw_frames.byte_streams import StopRequest
from nst_rt.media.raw_frames.raw_reader import RawFrame, RawVideoReader
from nst_rt.media.raw_frames.raw_writer import RawVideoWriter

STAGES = ("read", "to BGR", "stylise", "from BGR", "write")


@dataclass
class PipeSummary:
    """How a run went."""

    seconds: float = 0.0
    rate: RateMeter = field(default_factory=RateMeter)
    latency: LatencyStatistics = field(default_factory=LatencyStatistics)
    """From a frame's last byte in to its last byte out."""
    stages: dict[str, LatencyStatistics] = field(
        default_factory=lambda: {stage: LatencyStatistics() for stage in STAGES}
    )
    error: NstError | None = None
    """Why it ended, if not because the source did."""

    @property
    def frames(self) -> int:
        """Written whole."""
        return self.rate.count

    def to_text(self) -> str:
        """For a person, on one line."""
        told = f"{self.frames} frames in {self.seconds:.1f} s"
        if not self.frames:
            return told
        stages = ", ".join(f"{name} {one.percentile(50) * 1e3:.1f}" for name, one in self.stages.items())
        return (
            f"{told}, {self.rate.overall:.2f} frames/s; latency p50 {self.latency.percentile(50) * 1e3:.1f} ms, "
            f"p99 {self.latency.percentile(99) * 1e3:.1f} ms; stages, p50 in ms: {stages}"
        )


class _Stylized(NamedTuple):
    frame: RawFrame
    bgr: Frame
    stylizing: float


def run_pipe(
    reader: RawVideoReader, stylize: Callable[[Frame], Frame], writer: RawVideoWriter, stop: StopRequest
) -> PipeSummary:
    """Stylise every frame, until the source ends, the reader is gone, or `stop` is asked.

    Frames that were read whole before any of that are written, unless it is the reader who is gone. An error of ours
    is not raised but kept in the summary.

    Raises:
        OSError: the disk is full.
    """
    summary = PipeSummary()
    began = time.perf_counter()
    ended_by: list[NstError] = []

    def read() -> Generator[RawFrame, None, None]:
        try:
            yield from reader.frames()
        except NstError as error:  # an end like any other to what came before
            ended_by.append(error)

    def work(frame: RawFrame) -> _Stylized:
        started = time.perf_counter()
        try:
            return _Stylized(frame, stylize(frame.bgr), time.perf_counter() - started)
        except BaseException:
            stop.ask()  # or the reading thread would wait for a next frame
            raise

    def deliver(made: _Stylized) -> None:
        try:
            _deliver(made, writer, summary)
        except BaseException:
            stop.ask()
            raise

    try:
        writer.begin()
        overlapped(read(), work, deliver, depth=1)
    except NstError as error:
        ended_by.insert(0, error)
    summary.error = ended_by[0] if ended_by else None
    summary.seconds = time.perf_counter() - began
    return summary


def _deliver(made: _Stylized, writer: RawVideoWriter, summary: PipeSummary) -> None:
    frame = made.frame
    started = time.perf_counter()
    pieces = writer.pack(made.bgr, frame.alpha, frame.parameters)
    packed = time.perf_counter()
    writer.write(pieces)
    written = time.perf_counter()
    summary.rate.tick(written)
    summary.latency.add(written - frame.arrived)
    seconds = (frame.reading, frame.converting, made.stylizing, packed - started, written - packed)
    for stage, took in zip(STAGES, seconds, strict=True):
        summary.stages[stage].add(took)
