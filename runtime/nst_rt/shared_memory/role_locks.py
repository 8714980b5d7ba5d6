"""Locks that give each role in a segment to one process: server, producer or consumer.

Each role is one byte of the segment's file. The process that has the role holds an open file description lock on that
byte (fcntl(2)). So two processes can never have one role, the role of a killed process is free at once, and all this
works between containers that do not see each other's processes. The header also holds the process number and the start
time of each holder. They are for messages only.
"""

import errno
import os
import struct
import sys
from enum import IntEnum
from pathlib import Path
from typing import Any

if sys.platform == "win32":
    fcntl: Any = None
else:
    import fcntl

_FLOCK = struct.Struct("@hhqqi4x")
"""type, whence, start, length, process: struct flock of 64-bit Linux."""


class Role(IntEnum):
    """A role; its value is the byte that is locked."""

    SERVER = 0
    PRODUCER = 1
    CONSUMER = 2


def acquire(descriptor: int, role: Role) -> bool:
    """Take a role through the open segment file `descriptor`; False if another process has it."""
    if sys.platform != "linux":
        raise NotImplementedError
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _request(fcntl.F_WRLCK, role))
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def release(descriptor: int, role: Role) -> None:
    """Give a role back; no effect if `descriptor` does not have it."""
    if sys.platform != "linux":
        raise NotImplementedError
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _request(fcntl.F_UNLCK, role))


def held_elsewhere(descriptor: int, role: Role) -> bool:
    """Whether the role is held through another descriptor, of this process or another. Takes nothing itself."""
    if sys.platform != "linux":
        raise NotImplementedError
    answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _request(fcntl.F_WRLCK, role))
    kind: int = _FLOCK.unpack(answer)[0]
    return kind != fcntl.F_UNLCK


def _request(kind: int, role: Role) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, int(role), 1, 0)


def process_start(pid: int) -> int:
    """When a process began, in clock ticks since the machine started; 0 if it cannot be seen."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(fields[19])
    except (OSError, IndexError, ValueError):
        return 0


def holder_text(pid: int, start: int) -> str:
    """The holder of a role, for a message.

    >>> holder_text(0, 0)
    'a process that is just starting'
    """
    if pid and start and process_start(pid) == start:
        return f"process {pid}"
    return "a process that cannot be seen from here" if pid else "a process that is just starting"
