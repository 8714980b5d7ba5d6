"""The client of a share server in Python: sends frames and receives results."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nst_rt.closable import Closable, closed_on_error
from nst_rt.contract import Frame
from nst_rt.errors import InputError, ServerGoneError, ShareError, ShareTimeoutError
from nst_rt.media.pixels.pixel_formats import PIXEL_FORMATS
from nst_rt.shared_memory.frame_layout import FrameLayout
from nst_rt.shared_memory.layout import State, Status
from nst_rt.shared_memory.ring import RingReader, RingWriter
from nst_rt.shared_memory.role_locks import Role
from nst_rt.shared_memory.segment import Segment
from nst_rt.shared_memory.segment_file import path_of
from nst_rt.shared_memory.share_result import ShareResult, read_result

_LOOK_AROUND = 0.1
"""Seconds after which a wait is interrupted to see whether the server lives."""

_RETRY = 0.02
"""Seconds between two looks for a server that is not there yet."""


class ShareClient(Closable):
    """Sends frames to a `ShareServer` of another process and receives the results.

    A client is a producer, a consumer or both. One thread may send while another one receives; apart from that a client
    must not be shared by threads.

    Args:
        name: the server's name.
        produce, consume: the roles to take. Only one process at a time can have each.
        timeout: seconds to wait for a server.

    Raises:
        ShareTimeoutError: no server of this name.
        RoleTakenError: another process has the role.
        ShareError: not a name, another version of the protocol, a damaged segment or one of another user, or not Linux.

    Examples:
        It needs a server: `ShareServer("cam0").run(...)` or `nst-rt share --name cam0` in another process.

        >>> import numpy as np
        >>> frame = np.zeros((480, 640, 3), np.uint8)
        >>> with ShareClient("cam0") as client:  # doctest: +SKIP
        ...     stylized = client.stylize(frame)
    """

    def __init__(self, name: str, *, produce: bool = True, consume: bool = True, timeout: float = 5.0) -> None:
        path_of(name)
        self.name = name
        self._produce, self._consume = produce, consume
        self._segment: Segment | None = None
        self.lost = 0
        """How many frames ended with their servers so far: not stylised, or stylised and not received."""
        self._connect(timeout)

    @property
    def description(self) -> str:
        """What the server says about itself: model, style and device."""
        return self._connected.header.description.decode(errors="replace")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the largest frame that the server takes, in pixels."""
        header = self._connected.header
        return header.width, header.height

    @property
    def segment_id(self) -> int:
        """Tells this server's segment from the next one of the same name: they have different numbers."""
        return self._connected.id

    @property
    def first_number(self) -> int:
        """Number of this producer's first frame. Results of lower numbers belong to the producer before it."""
        return self._first_number

    @property
    def last_number(self) -> int | None:
        """Number of the last frame that this producer sent to this server; None before the first one."""
        if self._writer is None or self._writer.number == self._first_number:
            return None
        return self._writer.number - 1

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
        """The memory of the next frame, to be filled in place; the frame is sent when the block ends without an error.

        It is uint8 (H, W, 3), (H, W, 4) or (H, W); (bytes,) for YUV. What it holds at first is undefined.

        Args:
            width, height: of the frame, in pixels.
            pixel_format: one of bgr24, rgb24, rgba, gray, nv12, yuv420p, yuv422p and yuv444p.
            time_ns, tag: two numbers of your own, which the result has too.
            timeout: seconds to wait for room.

        Raises:
            InputError: another pixel format, or the frame is too small, or larger than a slot.
            ShareTimeoutError: no room in time: results are not received as fast as frames are sent.
            ServerGoneError: the server ended; `reconnect`.
        """
        if pixel_format not in PIXEL_FORMATS:
            raise InputError(
                f"pixel format {pixel_format!r} is none of {', '.join(PIXEL_FORMATS)}", parameter="pixel_format"
            )
        layout = FrameLayout(width, height, pixel_format)
        segment, writer = self._connected, self._writer
        if writer is None:
            raise ShareError(f"{self.name}: opened to consume, and only a producer sends frames", parameter="produce")
        layout.check(segment.geometry.frame_bytes)
        if not self._wait(writer, timeout):
            raise ShareTimeoutError(
                f"{self.name}: {timeout:g} s, and no room for a frame. Receive the results, or send less often"
            )
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
        """Send a frame; returns its number. YUV has to be written with `writing`.

        Args:
            frame: uint8 (H, W, 3), (H, W, 4) or (H, W), as `pixel_format` says.
            pixel_format, time_ns, tag, timeout: see `writing`.

        Raises:
            InputError: another dtype or shape.
            InputError, ShareTimeoutError, ServerGoneError: see `writing`.
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
    def reading(self, timeout: float = 5.0) -> Iterator[ShareResult]:
        """The next result in place: when the block ends, the server may overwrite its pixels.

        Args:
            timeout: seconds to wait for it.

        Raises:
            ShareTimeoutError: no result in time.
            ServerGoneError: no result will come, because the server ended; `reconnect`. The results that it had made
                come first.
            ShareError: the result was overwritten while it was read.
        """
        segment, reader = self._connected, self._receiving
        if not self._wait(reader, timeout):
            raise ShareTimeoutError(f"{self.name}: {timeout:g} s, and no result")
        slot = reader.slot()
        if not reader.intact():
            reader.release()  # or the next call would fail on it again
            raise self._torn(reader)
        try:
            result = read_result(slot.header, slot.pixels, segment.geometry.frame_bytes)
        except (ValueError, InputError) as error:  # no server writes such a header
            reader.release()
            raise self._torn(reader) from error
        try:
            yield result
            intact = reader.intact()
        finally:
            reader.release()
        if not intact:
            raise self._torn(reader)

    def receive(self, timeout: float = 5.0) -> ShareResult:
        """The next result, with a copy of the pixels. Raises as `reading`."""
        with self.reading(timeout) as result:
            return replace(result, pixels=result.pixels.copy())

    def stylize(self, frame: Frame, timeout: float = 5.0) -> Frame:
        """Send a frame and wait for its result; results of earlier frames are skipped.

        Args:
            frame: uint8 (H, W, 3) BGR.
            timeout: seconds for all of it.

        Returns:
            The stylised frame, of the same shape.

        Raises:
            InputError, ShareTimeoutError, ServerGoneError: as `send` and `receive`.
            NstError: the server could not stylise it.
        """
        deadline = time.monotonic() + timeout
        number = self._send_between_old_results(frame, deadline)
        while True:
            with self.reading(max(0.0, deadline - time.monotonic())) as result:
                if result.number == number:
                    return result.stylized().copy()

    def reconnect(self, timeout: float = 5.0) -> int:
        """Leave this server for the next one of its name; returns how many frames ended with the old one.

        Numbers start at 0 again. Results that wait are lost and counted, so receive until ServerGoneError first. No
        other thread may use the client meanwhile.

        Raises:
            ShareTimeoutError, RoleTakenError, ShareError: as the constructor; call it again then.
        """
        lost = 0
        if self._segment is not None:
            lost = self._unanswered()
            self.lost += lost
            self._disconnect()
        self._connect(timeout)
        return lost

    def close(self) -> None:
        """Give back the roles, which another process may take; harmless twice."""
        self._disconnect()

    def _send_between_old_results(self, frame: Frame, deadline: float) -> int:
        """Send a frame; results that take up the room, for example of a dead producer, are skipped meanwhile."""
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
                        f"{self.name}: no room for a frame in time, the server still works on earlier ones. Try "
                        "again, or allow more time"
                    ) from error

    @property
    def _receiving(self) -> RingReader:
        if not self._consume:
            raise ShareError(
                f"{self.name}: opened to produce, and only a consumer receives results", parameter="consume"
            )
        if self._reader is None:
            raise self._not_connected()
        return self._reader

    @property
    def _connected(self) -> Segment:
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
                        f"{self.name}: {timeout:g} s, and no server of this name. Start one first", parameter="name"
                    ) from error
                time.sleep(_RETRY)
        with closed_on_error(segment):
            if self._produce:
                segment.claim(Role.PRODUCER)
            if self._consume:
                segment.claim(Role.CONSUMER)
            self._writer = RingWriter(segment.frames()) if self._produce else None
            self._reader = RingReader(segment.results()) if self._consume else None
        self._first_number = self._writer.number if self._writer else 0
        self._segment = segment

    def _disconnect(self) -> None:
        if self._segment is not None:
            self._writer = self._reader = None
            self._segment.close()
            self._segment = None

    def _unanswered(self) -> int:
        """How many frames were sent whose results were not received."""
        segment = self._connected
        sent = self._writer.number if self._writer else segment.frames().head.read()
        received = self._reader.number if self._reader else segment.results().head.read()
        return max(0, sent - received)

    def _wait(self, side: RingWriter | RingReader, timeout: float) -> bool:
        """Wait until the side is ready; False if it is not in time.

        Raises:
            ServerGoneError: the server ended, so it never will be.
        """
        deadline = time.monotonic() + timeout
        slept = 0.0
        while not side.ready():
            left = deadline - time.monotonic()
            # The server's lock is checked only after a full sleep. In a busy stream no sleep is that long.
            if (slept >= _LOOK_AROUND or left <= 0) and not self._connected.served():
                if side.ready():  # by the last thing that the server did
                    return True
                raise self._gone()
            if left <= 0:
                return False
            began = time.monotonic()
            side.wait(min(left, _LOOK_AROUND))
            serving = self._connected.header.state == State.SERVING
            slept = time.monotonic() - began if serving else _LOOK_AROUND
        return True

    def _not_connected(self) -> ShareError:
        return ShareError(f"{self.name}: not connected. Call reconnect")

    def _gone(self) -> ServerGoneError:
        return ServerGoneError(
            f"{self.name}: the server is gone, and {self._unanswered()} frames with it. Start the server again and "
            "reconnect"
        )

    def _torn(self, reader: RingReader) -> ShareError:
        return ShareError(
            f"{self.name}: result {reader.number - 1} was changed while it was read. A process that is not the server "
            "writes to the segment. Do not use the result; end that process, and receive the next"
        )
