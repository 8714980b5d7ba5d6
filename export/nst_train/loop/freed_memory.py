"""What the C library does with memory that tensors give back."""

import ctypes
import platform


def keep_freed_memory() -> None:
    """Let glibc keep what tensors give back, for the rest of the process; elsewhere nothing happens.

    Large tensors are otherwise mapped and unmapped by the kernel again and again, and the page faults take a tenth of a
    training step.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if platform.libc_ver()[0] == "glibc" else None
    if mallopt is None:
        return
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # from glibc's malloc.h
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(top_pad, 2**28)
