"""How many CPU cores this process may use."""

import os
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")


def available_cores() -> int:
    """The logical cores that this process may use, within `taskset` and cpusets; time quotas do not count."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def counted_cores() -> int | None:
    """The physical cores that this process may use; None where the system does not tell.

    A session alone on a CPU gets this many threads. ONNX Runtime's default is a thread for every core of the machine,
    also those that this process may not use, each bound to its core, where it waits while another program runs there.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    numbers = os.sched_getaffinity(0)
    try:
        return len({(_TOPOLOGY / f"cpu{number}/topology/thread_siblings_list").read_text() for number in numbers})
    except OSError:
        return None


def physical_cores() -> int:
    """As `counted_cores`; the number of logical cores where the system does not tell."""
    return counted_cores() or available_cores()
