"""The file of a segment in /dev/shm: created, published, opened, checked and removed.

The file appears there in one system call, complete and with its server's lock on it, and never changes its size. A
server never continues with a file that it finds. It removes the file of a dead server and creates a new one, so a
client that still writes to the old file writes to memory that nobody reads.

`path_of` refuses other systems before anything else is called; the checks of `sys.platform` below are for mypy.
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

from nst_rt.closable import closed_on_error
from nst_rt.errors import RoleTakenError, ShareError
from nst_rt.shared_memory import role_locks
from nst_rt.shared_memory.futex import require_futex
from nst_rt.shared_memory.layout import HEADER_BYTES, MAGIC, VERSION, Header, State
from nst_rt.shared_memory.role_locks import Role

FOLDER = Path("/dev/shm")
"""Where shm_open(3) keeps its objects: their name is the file's name after a slash."""

PREFIX = "nst-rt."

_LONGEST_NAME = 100
_PATIENCE, _PAUSE = 0.5, 0.02
"""Seconds to wait while another process removes a dead segment, and between two looks."""


def path_of(name: str) -> Path:
    """The file of the segment `name`.

    >>> path_of("cam0").as_posix()
    '/dev/shm/nst-rt.cam0'

    Raises:
        ShareError: not a name, or this system has no shared memory of this kind.
    """
    require_futex()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or len(name) > _LONGEST_NAME:
        raise ShareError(
            f"{name!r} cannot be a name: up to {_LONGEST_NAME} letters, digits, dots, dashes and underscores, "
            "a letter or digit first. Choose another, such as cam0",
            parameter="name",
        )
    return FOLDER / f"{PREFIX}{name}"


class SegmentFile:
    """An open file of shared memory. It keeps the locks of the roles that are taken through it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        """-1 once it is closed."""

    @classmethod
    def create(cls, path: Path, size: int) -> "SegmentFile":
        """Reserve `size` bytes in a file that has no name before `publish`, so a failure leaves nothing behind.

        Raises:
            ShareError: not enough memory, or none can be used.
        """
        if sys.platform != "linux":
            raise NotImplementedError
        try:
            descriptor = os.open(FOLDER, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ShareError(f"{FOLDER}: no shared memory can be made there ({error.strerror})") from error
        file = cls(path, descriptor)
        with closed_on_error(file):
            file._reserve(size)
        return file

    @classmethod
    def open(cls, path: Path) -> "SegmentFile":
        """Open what has the name of a segment.

        Raises:
            FileNotFoundError: nothing has this name.
            ShareError: it is not a segment, or belongs to another user.
        """
        if sys.platform != "linux":
            raise NotImplementedError
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise ShareError(f"{path}: belongs to another user. Run both programs as the same user") from error
        except OSError as error:
            raise _not_a_segment(path) from error
        file = cls(path, descriptor)
        if file.read(0, len(MAGIC)) != MAGIC:
            file.close()
            raise _not_a_segment(path)
        return file

    def read(self, offset: int, count: int) -> bytes:
        """Bytes of the file, fewer at its end."""
        if sys.platform != "linux":
            raise NotImplementedError
        return os.pread(self.descriptor, count, offset)

    def checked_size(self) -> int:
        """The size in bytes, if this program can use the segment.

        Raises:
            ShareError: another version of the protocol, or the file is too short.
        """
        version = int.from_bytes(self.read(8, 4), "little")
        if version != VERSION:
            raise ShareError(
                f"{self.path.name.removeprefix(PREFIX)}: its server speaks version {version} of the protocol, this "
                f"program version {VERSION}. Take both from one release of nst-rt"
            )
        size = os.fstat(self.descriptor).st_size
        if size < HEADER_BYTES:
            raise self.damaged()
        return size

    def map(self, size: int) -> mmap.mmap:
        """The memory; its pages are mapped now, and not one by one while a frame waits."""
        if sys.platform != "linux":
            raise NotImplementedError
        return mmap.mmap(self.descriptor, size, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)

    def acquire(self, role: Role) -> bool:
        """Take a role; False if another process has it."""
        return role_locks.acquire(self.descriptor, role)

    def release(self, role: Role) -> None:
        """Give a role back."""
        role_locks.release(self.descriptor, role)

    def held_elsewhere(self, role: Role) -> bool:
        """Whether the role is held, but not through this object."""
        return role_locks.held_elsewhere(self.descriptor, role)

    def publish(self) -> None:
        """Give the file its name, in place of a dead segment.

        Raises:
            RoleTakenError: the name has a living server.
            ShareError: something that is not a segment has the name.
        """
        if sys.platform != "linux":
            raise NotImplementedError
        # With a folder's descriptor Python calls linkat, which follows the link to the nameless file; link would not.
        folder = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            deadline = time.monotonic() + _PATIENCE
            while True:
                try:
                    remove_if_dead(self.path)
                    os.link(f"/proc/self/fd/{self.descriptor}", self.path, src_dir_fd=folder, follow_symlinks=True)
                    return
                except (FileExistsError, RoleTakenError):
                    # Another server was faster, or another process is just removing a dead segment.
                    if time.monotonic() > deadline:
                        raise
                time.sleep(_PAUSE)
        finally:
            os.close(folder)

    def remove(self) -> bool:
        """Remove the name, if it is still the name of this file; whether it was."""
        with suppress(FileNotFoundError):
            if os.path.samestat(self.path.stat(follow_symlinks=False), os.fstat(self.descriptor)):
                self.path.unlink()
                return True
        return False

    def mark_ended(self) -> None:
        """Tell clients that still have the segment of a dead server that it ended."""
        if sys.platform != "linux":
            raise NotImplementedError
        field: Any = Header.state
        os.pwrite(self.descriptor, int(State.ENDED).to_bytes(4, sys.byteorder), field.offset)

    def close(self) -> None:
        """Close the file, which gives back its roles; harmless twice."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def damaged(self) -> ShareError:
        """The error of a segment whose header is wrong."""
        return ShareError(f"{self.path}: damaged, its header does not fit its size. End its server and start it again")

    def served(self) -> RoleTakenError:
        """The error of a name that has a server."""
        start = self.read(0, 32)
        pid, began = int.from_bytes(start[16:20], "little"), int.from_bytes(start[24:32], "little")
        return RoleTakenError(
            f"{self.path.name.removeprefix(PREFIX)}: {role_locks.holder_text(pid, began)} serves it already. End that "
            "process, or choose another name",
            parameter="name",
        )

    def _reserve(self, size: int) -> None:
        # Now, because memory that turns out to be missing later is a SIGBUS for both sides.
        if sys.platform != "linux":
            raise NotImplementedError
        too_large = ShareError(
            f"{FOLDER}: no room for {size / 1e6:.0f} MB. Serve smaller frames or fewer slots, remove files there, or "
            "enlarge it (docker run --shm-size 1g; mount -o remount,size=1g /dev/shm)"
        )
        # Asked first: Linux fills all the memory that there is before it fails, and other programs need it.
        room = os.fstatvfs(self.descriptor)
        if size > room.f_bavail * room.f_frsize:
            raise too_large
        try:
            os.posix_fallocate(self.descriptor, 0, size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.ENOMEM):
                raise
            raise too_large from error


def refuse_if_served(name: str) -> None:
    """Check early that a name is free, before a server does work that takes long.

    Raises:
        RoleTakenError: the name has a living server.
        ShareError: something that is not a segment has the name, or it cannot be a name.
    """
    try:
        file = SegmentFile.open(path_of(name))
    except FileNotFoundError:
        return
    try:
        deadline = time.monotonic() + _PATIENCE
        while file.held_elsewhere(Role.SERVER):
            if time.monotonic() > deadline:
                raise file.served()
            time.sleep(_PAUSE)
    finally:
        file.close()


def remove_if_dead(path: Path) -> bool:
    """Remove the segment of a dead server; False if nothing has this name.

    Raises:
        RoleTakenError: its server lives.
        ShareError: it is not a segment.
    """
    try:
        file = SegmentFile.open(path)
    except FileNotFoundError:
        return False
    try:
        if file.held_elsewhere(Role.SERVER):
            raise file.served()
        # No server will ever continue with it. This comes before the lock, because with the lock on it the segment
        # looks alive to clients that still have it.
        file.mark_ended()
        # Only the process that has the lock of a dead segment may remove it.
        if not file.acquire(Role.SERVER):
            raise file.served()
        return file.remove()
    finally:
        file.close()


def remove_dead() -> list[Path]:
    """Remove the segments of all killed servers; returns their paths."""
    require_futex()
    removed = []
    for path in sorted(FOLDER.glob(f"{PREFIX}*")):
        with suppress(OSError, ShareError):
            if remove_if_dead(path):
                removed.append(path)
    return removed


def _not_a_segment(path: Path) -> ShareError:
    return ShareError(f"{path}: not a segment of nst-rt. Remove it, or choose another name", parameter="name")
