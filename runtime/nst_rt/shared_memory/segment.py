"""A segment's file in /dev/shm: made, opened, replaced and removed.

It appears there complete and with its server's lock on it, by one system call, and never changes its size. A server
never goes on with a file that it finds: one whose server is dead is removed and a fresh one made, so that whoever still
writes to the old one writes to memory that nobody reads.
"""

import errno
import mmap
import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from nst_rt.errors import RoleTakenError, ShareError
from nst_rt.shared_memory import claims
from nst_rt.shared_memory.claims import Role
from nst_rt.shared_memory.layout import HEADER_BYTES, MAGIC, MAX_SLOTS, VERSION, Geometry, Header, State
from nst_rt.shared_memory.ring import Ring

if sys.platform != "linux":  # the package has refused before; without this line mypy reads on for other systems
    raise ImportError("shared memory needs Linux")

FOLDER = Path("/dev/shm")
"""Where shm_open(3) keeps its objects: the name for it is the file's, after a slash."""

PREFIX = "nst-rt."

_LONGEST_NAME = 100
_PATIENCE, _PAUSE = 0.5, 0.02
"""Seconds to wait for one who holds a dead segment just to remove it, and between two looks."""


def path_of(name: str) -> Path:
    """The file of the segment `name`.

    Raises:
        ShareError: this cannot be a name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or len(name) > _LONGEST_NAME:
        raise ShareError(
            f"{name!r} cannot be a name: up to {_LONGEST_NAME} letters, digits, dots, dashes and underscores, "
            "a letter or digit first. Choose another, such as cam0"
        )
    return FOLDER / f"{PREFIX}{name}"


class Segment:
    """A mapped segment."""

    geometry: Geometry
    """As it was made, or found and checked; what stands in shared memory is not believed again."""
    path: Path
    descriptor: int

    def __init__(self, name: str, descriptor: int, size: int) -> None:
        self.name, self.path = name, path_of(name)
        self.descriptor = descriptor
        # Pages are mapped now and not one by one when a frame is waited for.
        self._memory = mmap.mmap(descriptor, size, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
        self.header: Header = Header.from_buffer(self._memory)
        self._roles: set[Role] = set()

    @classmethod
    def create(cls, name: str, width: int, height: int, slots: int, description: str = "") -> "Segment":
        """Make a segment for frames up to `width` x `height`, with the server's role, in place of a dead one.

        Raises:
            RoleTakenError: the name has a living server.
            ShareError: wrong name, number of slots or size, no room, or something else is in the way.
        """
        path = path_of(name)
        if not 1 <= slots <= MAX_SLOTS:
            raise ShareError(f"{slots} slots: it must be 1 to {MAX_SLOTS}")
        refuse_if_served(name)
        geometry = Geometry.of(width, height, slots)
        # A file without a name: whatever happens before it gets one, nothing is left behind.
        try:
            descriptor = os.open(FOLDER, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ShareError(f"{FOLDER}: no shared memory can be made there ({error.strerror})") from error
        try:
            _reserve(descriptor, geometry)
            segment = cls(name, descriptor, geometry.segment_bytes)
        except BaseException:
            os.close(descriptor)
            raise
        try:
            segment._initialise(width, height, geometry, description)
            segment.claim(Role.SERVER)
            segment._publish(path)
        except BaseException:
            segment.close()
            raise
        return segment

    @classmethod
    def open(cls, name: str) -> "Segment":
        """Open the segment of a server that lives.

        Raises:
            FileNotFoundError: there is none of this name, or its server is dead or ending.
            ShareError: it is of another version, not ours, damaged or somebody else's.
        """
        path = path_of(name)
        descriptor = _open(path)
        try:
            size = _checked_size(descriptor, path)
            segment = cls(name, descriptor, size)
        except BaseException:
            os.close(descriptor)
            raise
        try:
            segment.geometry = _checked_geometry(segment.header, size, path)
            if not segment.served():
                raise FileNotFoundError(errno.ENOENT, "its server is dead", str(path))
        except BaseException:
            segment.close()
            raise
        return segment

    def frames(self) -> Ring:
        """The ring from the producer to the server."""
        return self._ring("frames")

    def results(self) -> Ring:
        """The ring from the server to the consumer."""
        return self._ring("results")

    def claim(self, role: Role) -> None:
        """Take a role.

        Raises:
            RoleTakenError: another has it.
        """
        if not claims.take(self.descriptor, role):
            raise self.taken_error(role)
        self._roles.add(role)
        if role is not Role.SERVER:
            holder = self._holder(role)
            holder.start = claims.own_start()
            holder.pid = os.getpid()
            holder.joined += 1

    def taken(self, role: Role) -> bool:
        """Whether another has the role."""
        return claims.taken(self.descriptor, role)

    def served(self) -> bool:
        """Whether the server lives and has not ended."""
        # In this order: one who removes a dead segment has the lock for a moment, and has changed the state before.
        return self.taken(Role.SERVER) and self.header.state == State.SERVING

    def taken_error(self, role: Role) -> RoleTakenError:
        """What to say if another has the role."""
        if role is Role.SERVER:
            return _served(self.name, self.descriptor)
        holder = self._holder(role)
        who = claims.holder_text(holder.pid, holder.start)
        return RoleTakenError(
            f"{self.name}: {who} is its {role.name.lower()} already, and there can be one. "
            "End that, or have nst-rt share serve another --name"
        )

    def remove(self) -> None:
        """Tell the other side that it is over, and take the file away. For the server."""
        self.header.state = State.ENDED
        for ring in (self.frames(), self.results()):
            ring.head.wake()
            ring.tail.wake()
        _remove(self.path, self.descriptor)

    def close(self) -> None:
        """Give back the roles and the memory; what somebody still looks at stays until he lets go."""
        if self.descriptor < 0:
            return
        for role in self._roles:
            if role is not Role.SERVER:
                self._holder(role).pid = 0
            claims.leave(self.descriptor, role)
        os.close(self.descriptor)
        self.descriptor = -1
        del self.header
        with suppress(BufferError):
            self._memory.close()

    def _holder(self, role: Role) -> Any:
        return {Role.PRODUCER: self.header.producer, Role.CONSUMER: self.header.consumer}[role]

    def _ring(self, which: str) -> Ring:
        at: Any = getattr(Header, which)
        geometry = self.geometry
        first = geometry.frames_offset if which == "frames" else geometry.results_offset
        return Ring(self._memory, at.offset, first, geometry.slots, geometry.slot_bytes, geometry.frame_bytes)

    def _initialise(self, width: int, height: int, geometry: Geometry, description: str) -> None:
        header, self.geometry = self.header, geometry
        header.magic, header.version, header.header_bytes = MAGIC, VERSION, HEADER_BYTES
        header.server_pid, header.server_start = os.getpid(), claims.own_start()
        header.width, header.height = width, height
        for field, value in geometry._asdict().items():
            setattr(header, field, value)
        header.description = cut_text(description, 255)
        header.state = State.SERVING

    def _publish(self, path: Path) -> None:
        # With a folder's descriptor Python calls linkat, which follows the link to the nameless file; link would not.
        folder = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            deadline = time.monotonic() + _PATIENCE
            while True:
                try:
                    _clear(path)
                    os.link(f"/proc/self/fd/{self.descriptor}", path, src_dir_fd=folder, follow_symlinks=True)
                    return
                except (FileExistsError, RoleTakenError):
                    # Another server was faster, or somebody is just removing what is dead.
                    if time.monotonic() > deadline:
                        raise
                time.sleep(_PAUSE)
        finally:
            os.close(folder)


def refuse_if_served(name: str) -> None:
    """Look early whether a name is free.

    Raises:
        RoleTakenError: it has a living server.
        ShareError: something else has the name.
    """
    path = path_of(name)
    try:
        descriptor = _open(path)
    except FileNotFoundError:
        return
    try:
        deadline = time.monotonic() + _PATIENCE
        while claims.taken(descriptor, Role.SERVER):
            if time.monotonic() > deadline:
                raise _served(name, descriptor)
            time.sleep(_PAUSE)
        _check_ours(descriptor, path)
    finally:
        os.close(descriptor)


def remove_dead() -> list[Path]:
    """Remove the segments of killed servers, of any name; returns what they were."""
    removed = []
    for path in sorted(FOLDER.glob(f"{PREFIX}*")):
        with suppress(OSError, ShareError):
            if _clear(path):
                removed.append(path)
    return removed


def cut_text(text: str, room: int) -> bytes:
    """As UTF-8, at most `room` bytes, cut between two letters, without zeros."""
    return " ".join(text.replace("\0", " ").split()).encode()[:room].decode(errors="ignore").encode()


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise
    except PermissionError as error:
        raise ShareError(f"{path}: belongs to another user. Run both programs as the same one") from error
    except OSError as error:
        raise _foreign(path) from error


def _clear(path: Path) -> bool:
    """Remove a dead segment; False if there is nothing.

    Raises:
        RoleTakenError: it is not dead.
        ShareError: it is no segment.
    """
    try:
        descriptor = _open(path)
    except FileNotFoundError:
        return False
    try:
        _check_ours(descriptor, path)
        if claims.taken(descriptor, Role.SERVER):
            raise _served(path.name.removeprefix(PREFIX), descriptor)
        # It is dead for good, no server goes on with it. Before the lock is taken, or it would look alive again to
        # clients that have it.
        at: Any = Header.state
        os.pwrite(descriptor, int(State.ENDED).to_bytes(4, sys.byteorder), at.offset)
        # Whoever has the lock of a dead segment, and he alone, may remove it.
        if not claims.take(descriptor, Role.SERVER):
            raise _served(path.name.removeprefix(PREFIX), descriptor)
        return _remove(path, descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path, descriptor: int) -> bool:
    """Remove the file if it still is the one that is open."""
    try:
        if os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor)):
            path.unlink()
            return True
    except FileNotFoundError:
        pass
    return False


def _reserve(descriptor: int, geometry: Geometry) -> None:
    # Now, because memory that turns out to be missing later is a SIGBUS for both sides.
    size = geometry.segment_bytes
    full = ShareError(
        f"{FOLDER}: no room for {size / 1e6:.0f} MB. Give a smaller --size or fewer --slots, remove files there, "
        "or enlarge it (docker run --shm-size 1g; mount -o remount,size=1g /dev/shm)"
    )
    # Asked first: Linux would fill all that there is before it finds out, and others need it.
    room = os.fstatvfs(descriptor)
    if size > room.f_bavail * room.f_frsize:
        raise full
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.ENOMEM):
            raise
        raise full from error


def _checked_size(descriptor: int, path: Path) -> int:
    _check_ours(descriptor, path)
    start = os.pread(descriptor, 16, 0)
    version = int.from_bytes(start[8:12], "little")
    if version != VERSION:
        raise ShareError(
            f"{path.name.removeprefix(PREFIX)}: its server speaks version {version} of the protocol, this program "
            f"version {VERSION}. Take both from one release of nst-rt"
        )
    size = os.fstat(descriptor).st_size
    if size < HEADER_BYTES:
        raise _damaged(path)
    return size


def _check_ours(descriptor: int, path: Path) -> None:
    if os.pread(descriptor, len(MAGIC), 0) != MAGIC:
        raise _foreign(path)


def _checked_geometry(header: Header, size: int, path: Path) -> Geometry:
    geometry = Geometry.stored(header)
    if header.header_bytes != HEADER_BYTES or geometry.segment_bytes != size or not geometry.audio:
        raise _damaged(path)
    return geometry


def _damaged(path: Path) -> ShareError:
    return ShareError(f"{path}: damaged, its header does not fit its size. End its server and start nst-rt share again")


def _foreign(path: Path) -> ShareError:
    return ShareError(f"{path}: not a segment of nst-rt. Remove it, or choose another --name")


def _served(name: str, descriptor: int) -> RoleTakenError:
    start = os.pread(descriptor, 32, 0)
    pid, began = int.from_bytes(start[16:20], "little"), int.from_bytes(start[24:32], "little")
    return RoleTakenError(
        f"{name}: {claims.holder_text(pid, began)} serves it already. End that, or choose another --name"
    )
