"""The server: takes frames from shared memory, stylises them, and writes the results back.

Every frame gets exactly one result, in order, with the same number: the stylised frame, or the reason why there is
none. The server drops nothing. If a consumer is slow or gone, first the slots of results fill, then those of frames,
and the producer finds no room. The producer decides which frames to leave out.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from nst_rt.closable import Closable
from nst_rt.engine.timing import LatencyStatistics, RunStatistics
from nst_rt.errors import InputError, NstError, ShareError
from nst_rt.shared_memory.frame_layout import FrameLayout
from nst_rt.shared_memory.layout import Holder, SlotHeader, Status
from nst_rt.shared_memory.ring import RingReader, RingWriter, Slot
from nst_rt.shared_memory.role_locks import Role, holder_text
from nst_rt.shared_memory.segment import Segment, cut_text
from nst_rt.shared_memory.slot_stylizer import SlotStylizer, StylizeInto

STAGES = ("wait in line", "stylise", "wait for room")

LOOK_AROUND = 0.1
"""Seconds after which a wait is interrupted to see whether to stop, and which clients came and left."""


@dataclass
class ShareSummary(RunStatistics):
    """What a run did; times in seconds. A frame's latency lies between the complete frame and its complete result."""

    stages: dict[str, LatencyStatistics] = field(
        default_factory=lambda: {stage: LatencyStatistics() for stage in STAGES}
    )
    refused: int = 0
    """Frames of an impossible size or pixel format, and torn ones."""
    failed: int = 0
    """Frames that the network could not stylise."""

    def to_text(self) -> str:
        """One line for people."""
        told = f"{self.frames} frames in {self.seconds:.1f} s"
        for count, what in ((self.refused, "refused"), (self.failed, "failed")):
            told += f", {count} {what}" if count else ""
        if not self.frames:
            return told
        return f"{told}, {self.rate.overall:.1f} frames/s; {self.latencies(2)}"


class ShareServer(Closable):
    """Makes a segment of shared memory and serves it until `stop`; `close`, or the end of a `with`, removes it.

    A process that forks while it has a server keeps the server's lock in the child, so the server seems to live.

    Args:
        name: other programs open the segment by it; its file is `/dev/shm/nst-rt.NAME`.
        width, height: of the largest frame, in pixels. Other shapes fit if they need at most 4 * width * height bytes.
        slots: how many frames may wait, and how many results; 1 to 64.
        description: a text for the clients, up to 255 bytes of UTF-8.

    Raises:
        RoleTakenError: the name has a living server. The segment of a dead one is replaced.
        ShareError: wrong name or number of slots, no room for the memory, or not Linux.

    Examples:
        It would run until another thread or a signal handler calls `server.stop()`.

        >>> import numpy as np
        >>> def invert(frame, out):
        ...     np.subtract(255, frame, out=out)
        >>> with ShareServer("cam0", width=640, height=480) as server:  # doctest: +SKIP
        ...     server.run(invert)
    """

    def __init__(
        self, name: str, *, width: int = 1920, height: int = 1080, slots: int = 3, description: str = ""
    ) -> None:
        self._segment = Segment.create(name, width, height, slots, description)
        self.path = self._segment.path
        self.bytes = self._segment.geometry.segment_bytes
        """Size of the shared memory."""
        self.summary = ShareSummary()
        self._stopping = False
        self._waited_for_room = 0
        self._frames = RingReader(self._segment.frames())
        self._results = RingWriter(self._segment.results())
        self._room = self._segment.geometry.frame_bytes
        self._clients = [
            _ClientWatch(self._segment, Role.PRODUCER, self._segment.header.producer),
            _ClientWatch(self._segment, Role.CONSUMER, self._segment.header.consumer),
        ]

    def stop(self) -> None:
        """End `run` after the frame that is being stylised; from any thread or a signal handler."""
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
            matrix: of YUV: `bt601`, `bt709` or `auto`, which is BT.709 from 720 rows up.
            range: of YUV and gray: `limited`, `full` or `auto`, which is limited for YUV and full for gray.
            report: called with one line for every client that comes or leaves, and once for each kind of trouble.

        Raises:
            ShareError: another process damaged the segment.
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
                    for client in self._clients:
                        client.look(report)
        finally:
            self.summary.seconds = time.monotonic() - began
        return self.summary

    def close(self) -> None:
        """Tell the clients that the server ends, and remove the segment; harmless twice."""
        if self._segment.is_open:
            self._segment.remove()
            self._clients.clear()
            self._segment.close()

    def _await_room(self) -> bool:
        """Wait for a moment for room for a result; whether there is any."""
        if not self._results.ready():
            began = time.monotonic_ns()
            self._results.wait(LOOK_AROUND)
            self._waited_for_room += time.monotonic_ns() - began
        return self._results.ready()

    def _serve(self, work: SlotStylizer) -> str:
        """Make the result of the next frame; returns what went wrong, empty if nothing did."""
        taken = time.monotonic_ns()
        frame, result = self._frames.slot(), self._results.begin()
        if self._frames.number != self._results.number:
            raise ShareError("the shared memory is damaged: frames and results are numbered differently")
        status, message = self._stylized(work, frame, result)
        meta = result.header
        meta.time_ns, meta.tag, meta.sent_ns = frame.header.time_ns, frame.header.tag, frame.header.written_ns
        if not self._frames.intact():
            status = Status.TORN
            _blank(meta)
            message = "the frame was changed while it was read. Only the producer may write, and one frame at a time"
        meta.taken_ns, meta.written_ns = taken, time.monotonic_ns()
        meta.status, meta.message = status, cut_text(message, 119)
        self._count(meta)
        # The result first: if this process dies in between, every frame that is gone has a result.
        self._results.commit()
        self._frames.release()
        return message

    def _stylized(self, work: SlotStylizer, frame: Slot, result: Slot) -> tuple[Status, str]:
        _blank(result.header)
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
            _blank(result.header)
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


def _blank(header: SlotHeader) -> None:
    """Write into a result that it has no pixels."""
    header.width = header.height = header.stride = header.pixel_format = header.size = 0


class _ClientWatch:
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
            report(f"{name}: {self._who} {'left' if not pid or joined != self._joined else 'died'}")
            self._who = ""
        if here and pid and joined != self._joined:
            self._who = holder_text(pid, self._holder.start)
            report(f"{name}: {self._who} joined")
            self._joined = joined
