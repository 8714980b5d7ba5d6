"""How many cores there are to divide."""

import os
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")


def available_cores() -> int:
    """Logical cores that this process may use, which `taskset` and containers narrow."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def counted_cores() -> int | None:
    """Cores that this process may use, two threads of one core counted once; None where the system does not tell."""
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
