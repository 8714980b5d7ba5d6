"""The server: takes frames out of shared memory, stylises them, and puts the results back. `nst-rt share` runs it.

Every frame gets exactly one result, in order, under the same number: the stylised frame, or why there is none. Nothing
is dropped here. A consumer that is slow or gone fills the results, then the frames, and the producer sees that there is
no room; which frames to leave out is for the producer to say.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from nst_rt.engine.timing import LatencyStatistics, RateMeter
from nst_rt.errors import InputError, NstError, ShareError
from nst_rt.shared_memory import claims
from nst_rt.shared_memory.claims import Role
from nst_rt.shared_memory.frame_layout import FrameLayout, SlotStylizer, StylizeInto
from nst_rt.shared_memory.layout import Holder, SlotHeader, Status
from nst_rt.shared_memory.ring import RingReader, RingWriter, Slot
from nst_rt.shared_memory.segment import Segment, cut_text

STAGES = ("wait in line", "stylise", "wait for room")

LOOK_AROUND = 0.1
"""Seconds after which a wait is broken off to see whether to stop, and who came and went."""


@dataclass
class ShareSummary:
    """How a run went."""

    seconds: float = 0.0
    rate: RateMeter = field(default_factory=RateMeter)
    refused: int = 0
    """Frames whose size or kind could not be, or that were torn."""
    failed: int = 0
    """Frames that the network could not do."""
    latency: LatencyStatistics = field(default_factory=LatencyStatistics)
    """From a frame's being whole to its result's."""
    stages: dict[str, LatencyStatistics] = field(
        default_factory=lambda: {stage: LatencyStatistics() for stage in STAGES}
    )

    @property
    def frames(self) -> int:
        """Stylised."""
        return self.rate.count

    def to_text(self) -> str:
        """For a person, on one line."""
        told = f"{self.frames} frames in {self.seconds:.1f} s"
        for count, what in ((self.refused, "refused"), (self.failed, "failed")):
            told += f", {count} {what}" if count else ""
        if not self.frames:
            return told
        stages = ", ".join(f"{name} {one.percentile(50) * 1e3:.2f}" for name, one in self.stages.items())
        return (
            f"{told}, {self.rate.overall:.1f} frames/s; latency p50 {self.latency.percentile(50) * 1e3:.2f} ms, "
            f"p99 {self.latency.percentile(99) * 1e3:.2f} ms; stages, p50 in ms: {stages}"
        )


class ShareServer:
    """Holds a segment and serves it until told to stop; close it, or use it as a context, to remove the segment.

    A process that was forked from the server's without a new program keeps its lock, and so makes it look alive.

    Args:
        name: of the segment, `/dev/shm/nst-rt.NAME`.
        width, height: of the largest frame, in pixels; others may have as many bytes as that has in rgba.
        slots: frames, and as many results, that fit in.
        description: for clients to read, up to 255 bytes of UTF-8.

    Raises:
        RoleTakenError: the name has a living server. The segment of a dead one is replaced.
        ShareError: wrong name or number of slots, or no room for the memory.
    """

    def __init__(
        self, name: str, *, width: int = 1920, height: int = 1080, slots: int = 3, description: str = ""
    ) -> None:
        self._segment = Segment.create(name, width, height, slots, description)
        self.path = self._segment.path
        self.bytes = self._segment.geometry.segment_bytes
        """Of shared memory."""
        self.summary = ShareSummary()
        self._stopping = False
        self._waited_for_room = 0
        self._frames = RingReader(self._segment.frames())
        self._results = RingWriter(self._segment.results())
        self._room = self._segment.geometry.frame_bytes
        self._people = [
            _Visitor(self._segment, Role.PRODUCER, self._segment.header.producer),
            _Visitor(self._segment, Role.CONSUMER, self._segment.header.consumer),
        ]

    def stop(self) -> None:
        """Have `run` return after the frame that is in work; from any thread or a signal handler."""
        self._stopping = True

    def run(
        self,
        stylize: StylizeInto,
        *,
        matrix: str = "auto",
        range: str = "auto",
        report: Callable[[str], None] = lambda line: None,
    ) -> ShareSummary:
        """Serve until `stop`.

        Args:
            stylize: fills its second argument, uint8 (H, W, 3) BGR, with its first one stylised.
            matrix, range: of YUV and gray, as for `nst-rt pipe`.
            report: is told, a line each, who comes and goes and what goes wrong, the same trouble once.

        Raises:
            ShareError: something damages the segment.
        """
        work = SlotStylizer(stylize, matrix, range)
        began = time.monotonic()
        looked = 0.0
        troubles: set[str] = set()
        try:
            while not self._stopping:
                if not self._frames.waiting():
                    self._frames.wait(LOOK_AROUND)
                elif self._await_room():
                    trouble = self._serve(work)
                    if trouble and trouble not in troubles and len(troubles) < 100:
                        troubles.add(trouble)
                        report(trouble)
                if time.monotonic() - looked > LOOK_AROUND:
                    looked = time.monotonic()
                    for visitor in self._people:
                        visitor.look(report)
        finally:
            self.summary.seconds = time.monotonic() - began
        return self.summary

    def close(self) -> None:
        """Tell the clients that it is over, and remove the segment."""
        if self._segment.descriptor >= 0:
            self._segment.remove()
            del self._people
            self._segment.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _await_room(self) -> bool:
        """Wait a while for room for a result."""
        if not self._results.has_room():
            began = time.monotonic_ns()
            self._results.wait(LOOK_AROUND)
            self._waited_for_room += time.monotonic_ns() - began
        return self._results.has_room()

    def _serve(self, work: SlotStylizer) -> str:
        """Make the result of the next frame; returns what went wrong."""
        taken = time.monotonic_ns()
        frame, result = self._frames.slot(), self._results.begin()
        if self._frames.number != self._results.number:
            raise ShareError("the shared memory was damaged: frames and results are numbered differently")
        status, message = self._stylized(work, frame, result)
        meta = result.header
        meta.time_ns, meta.tag, meta.sent_ns = frame.header.time_ns, frame.header.tag, frame.header.written_ns
        if not self._frames.intact():
            status = Status.TORN
            blank_result(meta)
            message = "the frame was changed while it was read. Only the producer may write, and one frame at a time"
        meta.taken_ns, meta.written_ns = taken, time.monotonic_ns()
        meta.status, meta.message = status, cut_text(message, 119)
        self._count(meta)
        # The result first: should we die in between, there is no frame that is gone and has none.
        self._results.commit()
        self._frames.release()
        return message

    def _stylized(self, work: SlotStylizer, frame: Slot, result: Slot) -> tuple[Status, str]:
        blank_result(result.header)
        if not self._frames.intact():
            return Status.TORN, ""
        try:
            layout = FrameLayout.of(frame.header, self._room)
        except InputError as error:
            return Status.REFUSED, str(error)
        layout.write_to(result.header)
        try:
            work(layout, frame.pixels, result.pixels)
        except NstError as error:
            blank_result(result.header)
            return Status.FAILED, str(error)
        return Status.STYLIZED, ""

    def _count(self, meta: SlotHeader) -> None:
        summary = self.summary
        if meta.status == Status.STYLIZED:
            summary.rate.tick(meta.written_ns / 1e9)
            summary.latency.add((meta.written_ns - meta.sent_ns) / 1e9)
            line = meta.taken_ns - meta.sent_ns - self._waited_for_room
            took = (line, meta.written_ns - meta.taken_ns, self._waited_for_room)
            for stage, nanoseconds in zip(STAGES, took, strict=True):
                summary.stages[stage].add(nanoseconds / 1e9)
        elif meta.status == Status.FAILED:
            summary.failed += 1
        else:
            summary.refused += 1
        self._waited_for_room = 0


def blank_result(header: SlotHeader) -> None:
    """Say that there are no pixels."""
    header.width = header.height = header.stride = header.pixel_format = header.size = 0


class _Visitor:
    """Notices that a client came, left, or died."""

    def __init__(self, segment: Segment, role: Role, holder: Holder) -> None:
        self._segment, self._role, self._holder = segment, role, holder
        self._joined = 0
        self._who = ""

    def look(self, report: Callable[[str], None]) -> None:
        name = self._role.name.lower()
        here = self._segment.taken(self._role)
        joined, pid = self._holder.joined, self._holder.pid
        if self._who and (not here or joined != self._joined):
            report(f"{name}: {self._who} {'left' if not pid or joined != self._joined else 'is gone without a word'}")
            self._who = ""
        if here and pid and joined != self._joined:
            self._who = claims.holder_text(pid, self._holder.start)
            report(f"{name}: {self._who} joined")
            self._joined = joined
