"""How many cores there are to divide."""

import os
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")


def available_cores() -> int:
    """Logical cores that this process may use, as `taskset` and cpusets narrow them; quotas of time are not seen."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def counted_cores() -> int | None:
    """Cores that this process may use, two threads of one core counted once; None where the system does not tell.

    Threads of a session that has a processor to itself: left to itself, ONNX Runtime starts one for every core of the
    machine, also of those that this process may not use, and ties each to its core, where it waits if another program
    is there.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    numbers = os.sched_getaffinity(0)
    try:
        return len({(_TOPOLOGY / f"cpu{number}/topology/thread_siblings_list").read_text() for number in numbers})
    except OSError:
        return None


def physical_cores() -> int:
    """As `counted_cores`; where the system does not tell, the logical ones."""
    return counted_cores() or available_cores()
