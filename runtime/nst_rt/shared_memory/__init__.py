"""Frames to and from other programs through shared memory, on Linux.

`ShareServer` stylises the frames that a `ShareClient` sends. Programs in C and C++ have the same client in runtime/cpp.
docs/embedding/shared-memory.md describes the protocol.
"""

from nst_rt.shared_memory.client import ShareClient
from nst_rt.shared_memory.layout import Status
from nst_rt.shared_memory.server import ShareServer, ShareSummary
from nst_rt.shared_memory.share_result import ShareResult

__all__ = ["ShareClient", "ShareResult", "ShareServer", "ShareSummary", "Status"]
