"""Waiting for a number in shared memory to change, and waking who waits, by Linux's futex(2)."""

import ctypes
import errno
import os
import platform
import sys

from nst_rt.errors import ShareError

_NUMBERS = {"x86_64": 202, "aarch64": 98}
"""Of the system call; the same on every little-endian machine that we know."""

# Not FUTEX_PRIVATE_FLAG: that would look for waiters in this process alone.
_WAIT, _WAKE = 0, 1
_EVERYBODY = 2**31 - 1


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_int64))


_number = ctypes.c_long(_NUMBERS.get(platform.machine(), -1))
_syscall = ctypes.CDLL(None, use_errno=True).syscall if sys.platform.startswith("linux") else None


def require_futex() -> None:
    """Raise ShareError where there is none."""
    if _syscall is None or _number.value < 0:
        raise ShareError(
            f"shared memory works on Linux on x86-64 and aarch64, not on {platform.system()} on {platform.machine()}. "
            "`nst-rt pipe` works everywhere"
        )


def wait(address: int, seen: int, seconds: float) -> None:
    """Sleep until woken, `seconds` passed, a signal came, or the 32-bit word at `address` is not `seen` any more.

    Python's lock is let go meanwhile.
    """
    assert _syscall is not None
    limit = _Timespec(int(seconds), int(seconds % 1 * 1e9))
    word = ctypes.c_uint32(seen & 0xFFFFFFFF)
    if _syscall(_number, ctypes.c_void_p(address), _WAIT, word, ctypes.byref(limit), None, 0) != 0:
        code = ctypes.get_errno()
        if code not in (errno.EAGAIN, errno.ETIMEDOUT, errno.EINTR):
            raise OSError(code, f"futex: {os.strerror(code)}")


def wake(address: int) -> None:
    """Wake everybody who waits for the word at `address`."""
    assert _syscall is not None
    _syscall(_number, ctypes.c_void_p(address), _WAKE, _EVERYBODY, None, None, 0)
