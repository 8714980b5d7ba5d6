"""A segment: the mapped memory with its header, its two rings and its roles."""

import errno
import os
from contextlib import suppress
from typing import Any

from nst_rt.closable import closed_on_error
from nst_rt.errors import RoleTakenError, ShareError
from nst_rt.shared_memory.layout import HEADER_BYTES, MAGIC, MAX_SLOTS, VERSION, Geometry, Header, Holder, State
from nst_rt.shared_memory.ring import Ring
from nst_rt.shared_memory.role_locks import Role, holder_text, process_start
from nst_rt.shared_memory.segment_file import SegmentFile, path_of, refuse_if_served


class Segment:
    """A mapped segment; make one with `create` or `open`."""

    geometry: Geometry
    """As it was created, or read and checked once. Another process may change what the header says later."""

    def __init__(self, name: str, file: SegmentFile, size: int) -> None:
        self.name, self.path = name, file.path
        self._file = file
        self._memory = file.map(size)
        self.header: Header = Header.from_buffer(self._memory)
        self._roles: set[Role] = set()

    @classmethod
    def create(cls, name: str, width: int, height: int, slots: int, description: str = "") -> "Segment":
        """Make a segment for frames up to `width` x `height` pixels and take the server's role.

        It replaces the segment of a dead server.

        Raises:
            RoleTakenError: the name has a living server.
            ShareError: wrong name or number of slots, no room, or something that is not a segment has the name.
        """
        path = path_of(name)
        if not 1 <= slots <= MAX_SLOTS:
            raise ShareError(f"{slots} slots: it must be 1 to {MAX_SLOTS}", parameter="slots")
        refuse_if_served(name)
        geometry = Geometry.of(width, height, slots)
        file = SegmentFile.create(path, geometry.segment_bytes)
        with closed_on_error(file):
            segment = cls(name, file, geometry.segment_bytes)
        with closed_on_error(segment):
            segment._initialise(width, height, geometry, description)
            segment.claim(Role.SERVER)
            file.publish()
        return segment

    @classmethod
    def open(cls, name: str) -> "Segment":
        """Open the segment of a living server.

        Raises:
            FileNotFoundError: the name has no server, or its server is dead or ending.
            ShareError: another version, not a segment, damaged, or of another user.
        """
        file = SegmentFile.open(path_of(name))
        with closed_on_error(file):
            size = file.checked_size()
            segment = cls(name, file, size)
        with closed_on_error(segment):
            segment.geometry = Geometry.stored(segment.header)
            header_fits = segment.header.header_bytes == HEADER_BYTES
            if not header_fits or segment.geometry.segment_bytes != size or not segment.geometry.is_valid:
                raise file.damaged()
            if not segment.served():
                raise FileNotFoundError(errno.ENOENT, "its server is dead", str(file.path))
        return segment

    @property
    def is_open(self) -> bool:
        """False once it is closed."""
        return self._file.descriptor >= 0

    @property
    def id(self) -> int:
        """Number of the segment's file. It differs between two segments that exist at the same time."""
        return os.fstat(self._file.descriptor).st_ino

    def frames(self) -> Ring:
        """The ring from the producer to the server."""
        fields: Any = Header
        return Ring(self._memory, self.geometry, cursors=fields.frames.offset, first_slot=self.geometry.frames_offset)

    def results(self) -> Ring:
        """The ring from the server to the consumer."""
        fields: Any = Header
        return Ring(self._memory, self.geometry, cursors=fields.results.offset, first_slot=self.geometry.results_offset)

    def claim(self, role: Role) -> None:
        """Take a role.

        Raises:
            RoleTakenError: another process has it.
        """
        if not self._file.acquire(role):
            raise self._taken_error(role)
        self._roles.add(role)
        if role is not Role.SERVER:
            holder = self._holder(role)
            holder.start = process_start(os.getpid())
            holder.pid = os.getpid()
            holder.joined += 1

    def taken(self, role: Role) -> bool:
        """Whether another process has the role."""
        return self._file.held_elsewhere(role)

    def served(self) -> bool:
        """Whether the server lives and has not ended."""
        # In this order: a process that removes a dead segment has the lock for a moment, and changed the state before.
        return self.taken(Role.SERVER) and self.header.state == State.SERVING

    def remove(self) -> None:
        """Tell the clients that the server ends, and remove the file's name. For the server."""
        self.header.state = State.ENDED
        for ring in (self.frames(), self.results()):
            ring.head.wake()
            ring.tail.wake()
        self._file.remove()

    def close(self) -> None:
        """Give back the roles and the memory; memory that an array still shows stays until the array is gone."""
        if not self.is_open:
            return
        for role in self._roles:
            if role is not Role.SERVER:
                self._holder(role).pid = 0
            self._file.release(role)
        self._file.close()
        del self.header
        with suppress(BufferError):
            self._memory.close()

    def _holder(self, role: Role) -> Holder:
        return self.header.producer if role is Role.PRODUCER else self.header.consumer

    def _taken_error(self, role: Role) -> RoleTakenError:
        if role is Role.SERVER:
            return self._file.served()
        holder = self._holder(role)
        return RoleTakenError(
            f"{self.name}: {holder_text(holder.pid, holder.start)} is its {role.name.lower()} already, and only one "
            "is possible. End that process, or use another name",
            parameter="name",
        )

    def _initialise(self, width: int, height: int, geometry: Geometry, description: str) -> None:
        header, self.geometry = self.header, geometry
        header.magic, header.version, header.header_bytes = MAGIC, VERSION, HEADER_BYTES
        header.server_pid, header.server_start = os.getpid(), process_start(os.getpid())
        header.width, header.height = width, height
        for field, value in geometry._asdict().items():
            setattr(header, field, value)
        header.description = cut_text(description, 255)
        header.state = State.SERVING


def cut_text(text: str, room: int) -> bytes:
    """Text as UTF-8 of at most `room` bytes, without half characters, zero bytes and line breaks.

    >>> cut_text("café au lait", 4)
    b'caf'
    """
    return " ".join(text.replace("\0", " ").split()).encode()[:room].decode(errors="ignore").encode()
