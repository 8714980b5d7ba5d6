"""Waiting for a number in shared memory to change, and waking the processes that wait, by Linux's futex(2)."""

import ctypes
import errno
import os
import platform
import sys

from nst_rt.errors import ShareError

_SYSTEM_CALLS = {"x86_64": 202, "aarch64": 98}
"""Number of the system call by architecture."""

# Not FUTEX_PRIVATE_FLAG: that looks for waiters in this process alone.
_WAIT, _WAKE = 0, 1
_ALL = 2**31 - 1


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_int64))


_number = ctypes.c_long(_SYSTEM_CALLS.get(platform.machine(), -1))
_syscall = ctypes.CDLL(None, use_errno=True).syscall if sys.platform == "linux" else None


def require_futex() -> None:
    """Check that this system has futexes.

    Raises:
        ShareError: it has none, or its architecture is not supported.
    """
    if _syscall is None or _number.value < 0:
        raise ShareError(
            f"shared memory works on Linux on x86-64 and aarch64, not on {platform.system()} on {platform.machine()}: "
            "use a pipe, which works everywhere"
        )


def wait(address: int, seen: int, seconds: float) -> None:
    """Sleep until another process wakes this one, `seconds` pass or a signal comes; other Python threads run.

    Returns at once if the 32-bit number at `address` is not `seen` any more.
    """
    assert _syscall is not None
    limit = _Timespec(int(seconds), int(seconds % 1 * 1e9))
    expected = ctypes.c_uint32(seen & 0xFFFFFFFF)
    if _syscall(_number, ctypes.c_void_p(address), _WAIT, expected, ctypes.byref(limit), None, 0) != 0:
        code = ctypes.get_errno()
        if code not in (errno.EAGAIN, errno.ETIMEDOUT, errno.EINTR):
            raise OSError(code, f"futex: {os.strerror(code)}")


def wake(address: int) -> None:
    """Wake every process that waits for the number at `address`."""
    assert _syscall is not None
    _syscall(_number, ctypes.c_void_p(address), _WAKE, _ALL, None, None, 0)
