"""The other side of `nst-rt share` in Python: sends frames, receives results."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import Frame
from nst_rt.errors import InputError, NstError, ServerGoneError, ShareError, ShareTimeoutError
from nst_rt.media.pixels.pixel_formats import PIXEL_FORMATS
from nst_rt.shared_memory.claims import Role
from nst_rt.shared_memory.frame_layout import FrameLayout
from nst_rt.shared_memory.layout import State, Status
from nst_rt.shared_memory.ring import RingReader, RingWriter
from nst_rt.shared_memory.segment import Segment, path_of

_LOOK_AROUND = 0.1
"""Seconds after which a wait is broken off to see whether the server lives."""

_KNOCK = 0.02
"""Seconds between two looks for a server that is not there yet."""


@dataclass(frozen=True)
class Result:
    """What came back for one frame."""

    number: int
    """Of the frame, as `send` returned it."""
    status: Status
    message: str
    """Why there are no pixels."""
    pixels: NDArray[np.uint8]
    """The stylised frame: (H, W, 3), (H, W, 4) or (H, W), (bytes,) of YUV; empty if there is none."""
    pixel_format: str
    time_ns: int
    tag: int
    """As they were sent."""
    sent_ns: int
    """When the frame was whole, the server took it, and the result was whole; of CLOCK_MONOTONIC."""
    taken_ns: int
    written_ns: int

    def stylized(self) -> NDArray[np.uint8]:
        """The pixels.

        Raises:
            InputError: the server refused the frame.
            NstError: it could not stylise it.
        """
        if self.status is Status.STYLIZED:
            return self.pixels
        error = InputError if self.status is Status.REFUSED else NstError
        raise error(f"frame {self.number}: {self.message}")


class ShareClient:
    """A producer of frames, a consumer of results, or both. Not to be shared by threads, except that one may send
    and another receive.

    Args:
        name: as `nst-rt share --name` has it.
        produce, consume: the roles to take; each can have one holder at a time.
        timeout: seconds to wait for a server.

    Raises:
        ShareTimeoutError: no server came.
        RoleTakenError: another process has the role.
        ShareError: the segment is of another version, damaged or somebody else's.
    """

    def __init__(self, name: str, *, produce: bool = True, consume: bool = True, timeout: float = 5.0) -> None:
        path_of(name)
        self.name = name
        self._produce, self._consume = produce, consume
        self._segment: Segment | None = None
        self.lost = 0
        """Frames that servers took with them, over all servers so far: not stylised yet, or not received."""
        self._connect(timeout)

    @property
    def description(self) -> str:
        """What the server says it does."""
        return self._open.header.description.decode(errors="replace")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the largest frame, as the server was told."""
        header = self._open.header
        return header.width, header.height

    @property
    def first(self) -> int:
        """Number of the first frame of this producer; results before are of frames of the one before it."""
        return self._first

    @contextmanager
    def writing(
        self,
        width: int,
        height: int,
        pixel_format: str = "bgr24",
        *,
        time_ns: int = 0,
        tag: int = 0,
        timeout: float = 5.0,
    ) -> Iterator[NDArray[np.uint8]]:
        """Give the memory of the next frame to be filled in place; it is sent when the block ends well.

        Its shape is (H, W, 3), (H, W, 4) or (H, W), and (bytes,) for YUV; what it holds before is undefined.

        Raises:
            InputError: the frame is too small, or larger than a slot.
            ShareTimeoutError: no room was made in time: the results are not read as fast as frames are sent.
            ServerGoneError: the server ended; `reconnect`.
        """
        if pixel_format not in PIXEL_FORMATS:
            raise InputError(f"pixel format {pixel_format!r} is none of {', '.join(PIXEL_FORMATS)}")
        layout = FrameLayout(width, height, pixel_format)
        segment, writer = self._open, self._writer
        if writer is None:
            raise ShareError(f"{self.name}: opened to consume, and only a producer sends frames")
        layout.check(segment.geometry.frame_bytes)
        self._await(writer.has_room, writer.wait, timeout, "room for a frame. Receive the results, or send less often")
        if not segment.served():
            raise self._gone()
        slot = writer.begin()
        yield layout.view(slot.pixels)
        layout.write_to(slot.header)
        slot.header.time_ns, slot.header.tag = time_ns, tag
        slot.header.status = Status.STYLIZED
        slot.header.written_ns = time.monotonic_ns()
        writer.commit()

    def send(
        self,
        frame: NDArray[np.uint8],
        *,
        pixel_format: str = "bgr24",
        time_ns: int = 0,
        tag: int = 0,
        timeout: float = 5.0,
    ) -> int:
        """Send a frame, uint8 (H, W, 3), (H, W, 4) or (H, W) as `pixel_format` says; returns its number.

        YUV has to be written with `writing`. Raises as that does, and InputError for another shape or dtype.
        """
        if frame.dtype != np.uint8 or frame.ndim not in (2, 3):
            raise InputError(f"a frame is uint8 (height, width, channels), not {frame.dtype} {frame.shape}")
        with self.writing(
            frame.shape[1], frame.shape[0], pixel_format, time_ns=time_ns, tag=tag, timeout=timeout
        ) as pixels:
            if pixels.shape != frame.shape:
                raise InputError(f"{pixel_format} of this size has shape {pixels.shape}, not {frame.shape}")
            np.copyto(pixels, frame)
        assert self._writer is not None
        return self._writer.number - 1

    @contextmanager
    def reading(self, timeout: float = 5.0) -> Iterator[Result]:
        """Give the next result in place; its pixels are the server's again when the block ends.

        Raises:
            ShareTimeoutError: none came in time.
            ServerGoneError: none will come, the server ended; `reconnect`. Results that it had made come before.
            ShareError: the result was overwritten while it was read.
        """
        segment, reader = self._open, self._receiving
        self._await(reader.waiting, reader.wait, timeout, "result")
        slot = reader.slot()
        meta = slot.header
        if not reader.intact():
            reader.release()  # or the next call would stumble over it again
            raise self._torn(reader)
        try:
            status = Status(meta.status)
            if status is Status.STYLIZED:
                layout = FrameLayout.of(meta, segment.geometry.frame_bytes)
                pixels, pixel_format = layout.view(slot.pixels), layout.pixels
            else:
                pixels, pixel_format = slot.pixels[:0], ""
        except (ValueError, InputError) as error:  # no server writes that
            reader.release()
            raise self._torn(reader) from error
        result = Result(
            meta.number,
            status,
            meta.message.decode(errors="replace"),
            pixels,
            pixel_format,
            meta.time_ns,
            meta.tag,
            meta.sent_ns,
            meta.taken_ns,
            meta.written_ns,
        )
        try:
            yield result
            intact = reader.intact()
        finally:
            reader.release()
        if not intact:
            raise self._torn(reader)

    def receive(self, timeout: float = 5.0) -> Result:
        """The next result, with pixels of its own. Raises as `reading` does."""
        with self.reading(timeout) as result:
            return Result(**{**vars(result), "pixels": result.pixels.copy()})

    def stylize(self, frame: Frame, timeout: float = 5.0) -> Frame:
        """Send a frame uint8 (H, W, 3) BGR and wait for its result; results of earlier frames are let go.

        Raises:
            InputError, ShareTimeoutError, ServerGoneError: as `send` and `receive`.
            NstError: the server could not stylise it.
        """
        deadline = time.monotonic() + timeout
        number = self._send_anyway(frame, deadline)
        while True:
            with self.reading(max(0.0, deadline - time.monotonic())) as result:
                if result.number == number:
                    return result.stylized().copy()

    def reconnect(self, timeout: float = 5.0) -> int:
        """Leave this server for the next of its name; returns how many frames the old one took with it.

        Numbers start at 0 again. What was waiting to be received is lost, and counted: receive until
        ServerGoneError first. To be called by one thread while no other uses the client.

        Raises:
            as the constructor; to be called again then.
        """
        lost = 0
        if self._segment is not None:
            lost = self._unanswered()
            self.lost += lost
            self._disconnect()
        self._connect(timeout)
        return lost

    def close(self) -> None:
        """Give back the roles; another may have them."""
        self._disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send_anyway(self, frame: Frame, deadline: float) -> int:
        """Send; results that take up the room, such as a dead predecessor's, are let go meanwhile."""
        reader = self._receiving
        patience = 0.0
        while True:
            try:
                return self.send(frame, timeout=patience)
            except ShareTimeoutError as error:
                while reader.waiting():
                    reader.release()
                patience = min(_LOOK_AROUND, deadline - time.monotonic())
                if patience <= 0:
                    raise ShareTimeoutError(
                        f"{self.name}: no room for a frame in time, the server is not done with earlier ones. Try "
                        "again, or allow more time"
                    ) from error

    @property
    def _receiving(self) -> RingReader:
        if not self._consume:
            raise ShareError(f"{self.name}: opened to produce, and only a consumer receives results")
        if self._reader is None:
            raise self._not_connected()
        return self._reader

    @property
    def _open(self) -> Segment:
        if self._segment is None:
            raise self._not_connected()
        return self._segment

    def _connect(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while True:
            try:
                segment = Segment.open(self.name)
                break
            except FileNotFoundError as error:
                if time.monotonic() >= deadline:
                    raise ShareTimeoutError(
                        f"{self.name}: no server. Start one: nst-rt share --name {self.name}"
                    ) from error
                time.sleep(_KNOCK)
        try:
            if self._produce:
                segment.claim(Role.PRODUCER)
            if self._consume:
                segment.claim(Role.CONSUMER)
            self._writer = RingWriter(segment.frames()) if self._produce else None
            self._reader = RingReader(segment.results()) if self._consume else None
        except BaseException:
            segment.close()
            raise
        self._first = self._writer.number if self._writer else 0
        self._segment = segment

    def _disconnect(self) -> None:
        if self._segment is not None:
            self._writer = self._reader = None
            self._segment.close()
            self._segment = None

    def _unanswered(self) -> int:
        """Frames that were sent and whose results were not received."""
        segment = self._open
        sent = self._writer.number if self._writer else segment.frames().head.read()
        received = self._reader.number if self._reader else segment.results().head.read()
        return max(0, sent - received)

    def _await(self, ready: Callable[[], object], wait: Callable[[float], None], timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        slept = 0.0
        while not ready():
            left = deadline - time.monotonic()
            # The lock is looked at only after a whole nap; in a busy stream nobody sleeps that long.
            if (slept >= _LOOK_AROUND or left <= 0) and not self._open.served():
                if ready():  # its last deed
                    return
                raise self._gone()
            if left <= 0:
                raise ShareTimeoutError(f"{self.name}: {timeout:g} s, and no {what}")
            began = time.monotonic()
            wait(min(left, _LOOK_AROUND))
            slept = time.monotonic() - began if self._open.header.state == State.SERVING else _LOOK_AROUND

    def _not_connected(self) -> ShareError:
        return ShareError(f"{self.name}: not connected. Call reconnect")

    def _gone(self) -> ServerGoneError:
        return ServerGoneError(
            f"{self.name}: the server is gone, and {self._unanswered()} frames with it. Start nst-rt share again and "
            "reconnect"
        )

    def _torn(self, reader: RingReader) -> ShareError:
        return ShareError(
            f"{self.name}: result {reader.number - 1} was changed while it was read. Something writes to the segment "
            "that is not its server. Do not use the result; end what writes there, and receive the next"
        )
