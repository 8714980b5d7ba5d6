"""Byte streams, polled and threaded: exact, and ended by a request to stop."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from nst_rt.media.raw_frames.byte_streams import GRACE, ByteReader, ByteWriter, StopRequest
from nst_rt.media.raw_frames.polled_streams import PolledReader, PolledWriter
from nst_rt.media.raw_frames.threaded_streams import ThreadedReader, ThreadedWriter

TIMEOUT = 60

readers = pytest.mark.parametrize("open_reader", [PolledReader, ThreadedReader])
writers = pytest.mark.parametrize("open_writer", [PolledWriter, ThreadedWriter])


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    """Where to read and where to write; -1 for an end that a test has closed."""
    ends = list(os.pipe())
    yield ends
    for end in ends:
        if end >= 0:
            os.close(end)


def close(pipe: list[int], end: int) -> None:
    os.close(pipe[end])
    pipe[end] = -1


@readers
def test_not_one_byte_more_is_taken(open_reader: Callable[..., ByteReader], pipe: list[int]) -> None:
    reader = open_reader(pipe[0], StopRequest())
    os.write(pipe[1], b"one line\nsix by")
    assert reader.line(100) == b"one line\n"
    memory = bytearray(3)
    before = time.perf_counter()
    assert reader.fill(memoryview(memory)) == 3
    assert memory == b"six"
    assert before <= reader.began <= time.perf_counter()
    assert os.read(pipe[0], 100) == b" by"


@readers
def test_a_fill_waits_for_all_bytes(open_reader: Callable[..., ByteReader], pipe: list[int]) -> None:
    reader, memory = open_reader(pipe[0], StopRequest()), bytearray(6)
    os.write(pipe[1], b"abc")
    threading.Timer(0.1, os.write, (pipe[1], b"def")).start()
    assert reader.fill(memoryview(memory)) == 6
    assert memory == b"abcdef"


@readers
def test_the_end_of_a_stream(open_reader: Callable[..., ByteReader], pipe: list[int]) -> None:
    reader = open_reader(pipe[0], StopRequest())
    os.write(pipe[1], b"abc")
    close(pipe, 1)
    assert reader.fill(memoryview(bytearray(6))) == 3
    assert reader.fill(memoryview(bytearray(6))) == 0
    assert reader.line(10) == b""
    assert not reader.stopped


@readers
def test_a_request_to_stop_ends_a_wait_for_bytes(open_reader: Callable[..., ByteReader], pipe: list[int]) -> None:
    stop = StopRequest()
    reader = open_reader(pipe[0], stop)
    filled: list[int] = []
    waiting = threading.Thread(target=lambda: filled.append(reader.fill(memoryview(bytearray(6)))))
    os.write(pipe[1], b"abc")
    waiting.start()
    time.sleep(0.1)
    assert not filled
    stop.ask()
    waiting.join(TIMEOUT)
    assert filled
    assert reader.stopped
    assert reader.fill(memoryview(bytearray(6))) == 0


@writers
def test_all_parts_are_written_in_order(open_writer: Callable[..., ByteWriter], pipe: list[int]) -> None:
    writer = open_writer(pipe[1], StopRequest())
    parts, read = [b"head\n", memoryview(bytes(range(256)) * 4000)], bytearray()
    reading = threading.Thread(
        target=lambda: [read.extend(piece) for piece in iter(lambda: os.read(pipe[0], 999), b"")]
    )
    reading.start()
    assert writer.write(parts)
    close(pipe, 1)
    reading.join(TIMEOUT)
    assert read == b"".join(parts)


@writers
def test_a_reader_that_is_gone(open_writer: Callable[..., ByteWriter], pipe: list[int]) -> None:
    close(pipe, 0)
    with pytest.raises(BrokenPipeError):
        open_writer(pipe[1], StopRequest()).write([b"abc"])


@writers
def test_a_request_to_stop_gives_a_reader_some_grace(open_writer: Callable[..., ByteWriter], pipe: list[int]) -> None:
    os.set_blocking(pipe[1], False)
    with suppress(BlockingIOError):
        while True:
            os.write(pipe[1], bytes(1 << 16))
    os.set_blocking(pipe[1], True)
    stop = StopRequest()
    writer = open_writer(pipe[1], stop)
    stop.ask()
    began = time.monotonic()
    assert not writer.write([b"abc"])
    assert time.monotonic() - began >= GRACE * 0.9
    assert writer.stuck == isinstance(writer, ThreadedWriter)
    os.read(pipe[0], 1 << 20)  # the thread's write comes to its end


def test_a_polled_pipe_blocks_again_after_it(pipe: list[int]) -> None:
    writer = PolledWriter(pipe[1], StopRequest())
    assert not os.get_blocking(pipe[1])
    writer.close()
    assert os.get_blocking(pipe[1])
