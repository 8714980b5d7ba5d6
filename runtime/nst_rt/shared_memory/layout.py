"""Where everything lies in a segment: the protocol, as docs/embedding/shared-memory.md and nst_rt/share.h have it.

A segment is a page with the header, then the slots of frames (client to server), then the same number of slots of
results (server to client). Numbers are in the machine's byte order. Every field lies on a multiple of its size, so one
access writes or reads it. Fields that different sides write lie in different cache lines of 64 bytes.
"""

import ctypes
from ctypes import c_char, c_int64, c_uint8, c_uint32, c_uint64
from enum import IntEnum
from typing import NamedTuple

MAGIC = b"NSTRTSHM"
VERSION = 1

HEADER_BYTES = 4096
SLOT_HEADER_BYTES = 256
PAGE = 4096

MAX_SLOTS = 64
BYTES_A_PIXEL = 4
"""Room in a slot: a frame of the largest pixel format, rgba."""


class State(IntEnum):
    """State of the server."""

    SERVING = 1
    ENDED = 2


class Status(IntEnum):
    """Status of a result."""

    STYLIZED = 0
    REFUSED = 1
    """The frame's size or pixel format is not possible; the message says why."""
    FAILED = 2
    """The network could not run; the message says why."""
    TORN = 3
    """The frame changed while the server read it: a process that is not the producer writes to the segment."""


PIXEL_FORMAT_CODES = {
    "bgr24": 1,
    "rgb24": 2,
    "rgba": 3,
    "gray": 4,
    "nv12": 5,
    "yuv420p": 6,
    "yuv422p": 7,
    "yuv444p": 8,
}
"""The protocol's numbers of the pixel formats."""

PIXEL_FORMAT_NAMES = {code: name for name, code in PIXEL_FORMAT_CODES.items()}


class Cursors(ctypes.Structure):
    """A ring's counters, each in a cache line of its own."""

    _fields_ = (
        ("head", c_uint64),
        ("_pad0", c_uint8 * 56),
        ("tail", c_uint64),
        ("_pad1", c_uint8 * 56),
    )
    head: int
    """Frames written since the segment was made; the next one goes to slot head % slots."""
    tail: int
    """Frames read and released."""


class Holder(ctypes.Structure):
    """The process that has a role, for messages. Whether the role is taken, a lock says (`role_locks.py`)."""

    _fields_ = (
        ("pid", c_uint32),
        ("joined", c_uint32),
        ("start", c_uint64),
        ("_pad", c_uint8 * 48),
    )
    pid: int
    """0 after it closed the segment."""
    joined: int
    """How many processes have had the role."""
    start: int
    """When that process began: field 22 of /proc/PID/stat. It tells the process from a later one of the same number."""


class Header(ctypes.Structure):
    """The first page. The first 32 bytes are the same in every version."""

    _fields_ = (
        ("magic", c_char * 8),
        ("version", c_uint32),
        ("header_bytes", c_uint32),
        ("server_pid", c_uint32),
        ("state", c_uint32),
        ("server_start", c_uint64),
        ("segment_bytes", c_uint64),
        ("width", c_uint32),
        ("height", c_uint32),
        ("slots", c_uint32),
        ("_pad0", c_uint32),
        ("slot_bytes", c_uint64),
        ("frame_bytes", c_uint64),
        ("frames_offset", c_uint64),
        ("results_offset", c_uint64),
        ("_pad1", c_uint8 * 40),
        ("frames", Cursors),
        ("results", Cursors),
        ("producer", Holder),
        ("consumer", Holder),
        ("description", c_char * 256),
        ("_pad2", c_uint8 * (HEADER_BYTES - 768)),
    )
    magic: bytes
    version: int
    header_bytes: int
    server_pid: int
    state: int
    server_start: int
    segment_bytes: int
    width: int
    """Of the largest frame, as the server was told; the limit is `frame_bytes`."""
    height: int
    slots: int
    """In each direction."""
    slot_bytes: int
    """From one slot to the next."""
    frame_bytes: int
    """Room for pixels in a slot."""
    frames_offset: int
    results_offset: int
    frames: Cursors
    results: Cursors
    producer: Holder
    consumer: Holder
    description: bytes
    """Model, style and device of the server, UTF-8."""


class SlotHeader(ctypes.Structure):
    """Before the pixels of every slot."""

    _fields_ = (
        ("sequence", c_uint64),
        ("number", c_uint64),
        ("time_ns", c_int64),
        ("tag", c_uint64),
        ("width", c_uint32),
        ("height", c_uint32),
        ("stride", c_uint32),
        ("pixel_format", c_uint32),
        ("size", c_uint64),
        ("written_ns", c_int64),
        ("sent_ns", c_int64),
        ("taken_ns", c_int64),
        ("status", c_uint32),
        ("_pad0", c_uint32),
        ("_pad1", c_uint8 * 40),
        ("message", c_char * 120),
        ("_pad2", c_uint8 * 8),
    )
    sequence: int
    """2n + 1 while frame n is written, 2n + 2 once it is complete."""
    number: int
    """n: frames and results count from 0 in every segment, and result n belongs to frame n."""
    time_ns: int
    """A time stamp of the client's; the result has it too."""
    tag: int
    """A number of the client's; the result has it too."""
    width: int
    height: int
    stride: int
    """Bytes of a row of the first plane; rows have no padding."""
    pixel_format: int
    size: int
    """Bytes of all planes, which follow each other without gaps."""
    written_ns: int
    """CLOCK_MONOTONIC when the frame or result was complete."""
    sent_ns: int
    """In a result: `written_ns` of its frame."""
    taken_ns: int
    """In a result: when the server took its frame."""
    status: int
    message: bytes


assert ctypes.sizeof(Header) == HEADER_BYTES
assert ctypes.sizeof(SlotHeader) == SLOT_HEADER_BYTES


class Geometry(NamedTuple):
    """Sizes and offsets of a segment, in bytes, and the number of slots in each direction."""

    slots: int
    slot_bytes: int
    frame_bytes: int
    frames_offset: int
    results_offset: int
    segment_bytes: int

    @classmethod
    def of(cls, width: int, height: int, slots: int) -> "Geometry":
        """For frames up to `width` x `height` pixels of any pixel format."""
        frame_bytes = width * height * BYTES_A_PIXEL
        slot_bytes = -(-(SLOT_HEADER_BYTES + frame_bytes) // PAGE) * PAGE
        results = HEADER_BYTES + slots * slot_bytes
        return cls(slots, slot_bytes, frame_bytes, HEADER_BYTES, results, results + slots * slot_bytes)

    @classmethod
    def stored(cls, header: Header) -> "Geometry":
        """As a header says it; not checked."""
        return cls(
            header.slots,
            header.slot_bytes,
            header.frame_bytes,
            header.frames_offset,
            header.results_offset,
            header.segment_bytes,
        )

    @property
    def is_valid(self) -> bool:
        """Everything lies inside the segment, aligned, and nothing overlaps."""
        offsets = (self.frames_offset, self.results_offset, self.slot_bytes)
        return (
            1 <= self.slots <= MAX_SLOTS
            and all(offset % 64 == 0 for offset in offsets)
            and 0 < self.frame_bytes <= self.slot_bytes - SLOT_HEADER_BYTES
            and self.frames_offset >= HEADER_BYTES
            and self.results_offset >= self.frames_offset + self.slots * self.slot_bytes
            and self.segment_bytes >= self.results_offset + self.slots * self.slot_bytes
        )
