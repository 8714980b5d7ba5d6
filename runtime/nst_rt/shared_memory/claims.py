"""Who has which role in a segment: locks that the kernel gives out, and takes back when a process dies.

Each role is one byte of the segment's file, locked by its holder (open file description locks, fcntl(2)). There is no
moment in which two can have it, a role of a killed process is free at once, a process number used again is not mistaken
for the old process, and it works between containers that cannot see each other's processes. The holder's process number
and start time stand in the header for messages.
"""

import errno
import fcntl
import os
import struct
import sys
from enum import IntEnum
from pathlib import Path

if sys.platform != "linux":  # the package has refused before; without this line mypy reads on for other systems
    raise ImportError("shared memory needs Linux")

_FLOCK = struct.Struct("@hhqqi4x")
"""type, whence, start, length, process: struct flock of 64-bit Linux."""


class Role(IntEnum):
    """The byte that is locked."""

    SERVER = 0
    PRODUCER = 1
    CONSUMER = 2


def take(descriptor: int, role: Role) -> bool:
    """Claim a role; False if another has it."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _lock(fcntl.F_WRLCK, role))
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def leave(descriptor: int, role: Role) -> None:
    """Give a role back; nothing happens if it is not ours."""
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _lock(fcntl.F_UNLCK, role))


def taken(descriptor: int, role: Role) -> bool:
    """Whether somebody has the role who did not get it through this descriptor. Takes nothing itself."""
    answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _lock(fcntl.F_WRLCK, role))
    kind: int = _FLOCK.unpack(answer)[0]
    return kind != fcntl.F_UNLCK


def start_of(pid: int) -> int:
    """When a process began, in clock ticks since the machine started; 0 if it cannot be seen."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(fields[19])
    except (OSError, IndexError, ValueError):
        return 0


def own_start() -> int:
    """When this process began."""
    return start_of(os.getpid())


def holder_text(pid: int, start: int) -> str:
    """The holder of a role, for a message."""
    if pid and start and start_of(pid) == start:
        return f"process {pid}"
    return "a process that cannot be seen from here" if pid else "a process that is just starting"


def _lock(kind: int, role: Role) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, int(role), 1, 0)
