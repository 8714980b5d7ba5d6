"""Frames to and from other programs through shared memory; docs/embedding/shared-memory.md is the protocol.

`ShareServer` is what `nst-rt share` runs, `ShareClient` the other side; runtime/cpp has the same client for C and C++.
Importing it where there is no futex, which is everywhere but on Linux, raises ShareError.
"""

from nst_rt.shared_memory.futex import require_futex

require_futex()  # other systems lack more than that, and what they say about it is no help

from nst_rt.shared_memory.client import Result, ShareClient  # noqa: E402
from nst_rt.shared_memory.server import ShareServer, ShareSummary  # noqa: E402

__all__ = ["Result", "ShareClient", "ShareServer", "ShareSummary"]
