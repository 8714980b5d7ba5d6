"""The loop between two pipes: nothing held back, nothing lost, every end an orderly one."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nst_rt.contract import Frame
from nst_rt.errors import CutFrameError, DeviceError, FrameStreamError, InputError, OutputError, ReaderGoneError
from nst_rt.jobs.frame_pipe import FramePipe, PipeSummary
from nst_rt.media.raw_frames.byte_streams import ByteReader, ByteWriter, StopRequest
from nst_rt.media.raw_frames.polled_streams import PolledReader, PolledWriter
from nst_rt.media.raw_frames.raw_reader import RawVideoReader, read_y4m_header
from nst_rt.media.raw_frames.raw_writer import RawVideoWriter
from nst_rt.media.raw_frames.stream_format import StreamFormat
from nst_rt.media.raw_frames.threaded_streams import ThreadedReader, ThreadedWriter
from pipe_process import flat_yuv, image, read_exactly, waiting_in, y4m

FRAME_BYTES = 64 * 48 * 3
TIMEOUT = 60


def negative(frame: Frame) -> Frame:
    return 255 - frame


Ends = tuple[Callable[[int, StopRequest], ByteReader], Callable[[int, StopRequest], ByteWriter]]
"""What reads and what writes."""


class Line:
    """A loop between two pipes, in a thread of its own."""

    def __init__(
        self,
        ends: Ends,
        stylize: Callable[[Frame], Frame] = negative,
        pixels: str | None = "bgr24",
        *,
        full: bool = False,
    ) -> None:
        inside, self.source = os.pipe()
        self.sink, outside = os.pipe()
        os.set_blocking(outside, False)
        with suppress(BlockingIOError):
            while full:
                os.write(outside, b"full")
        os.set_blocking(outside, True)
        self._inside = [inside, outside]
        self.stop = StopRequest()
        self.summary: PipeSummary | None = None
        self.error: BaseException | None = None
        self._ends, self._pixels, self._stylize = ends, pixels, stylize
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        reader, writer = self._ends
        stdin = reader(self._inside[0], self.stop)
        try:
            if self._pixels is None:
                format = StreamFormat.of_y4m(read_y4m_header(stdin))
            else:
                format = StreamFormat.of_raw(64, 48, self._pixels)
            going = format.converted(format.name)
            stdout = RawVideoWriter(writer(self._inside[1], self.stop), going)
            self.summary = FramePipe(RawVideoReader(stdin, format), self._stylize, stdout, self.stop).run()
        except BaseException as error:
            self.error = error
        finally:
            for descriptor in self._inside:
                os.close(descriptor)

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.source, view) :]

    def end(self) -> None:
        os.close(self.source)
        self.source = -1

    def leave(self) -> None:
        os.close(self.sink)
        self.sink = -1

    def result(self) -> PipeSummary:
        self.thread.join(TIMEOUT)
        assert not self.thread.is_alive()
        assert [thread.name for thread in threading.enumerate() if thread.name in ("read", "deliver")] == []
        if self.error is not None:
            raise self.error
        assert self.summary is not None
        return self.summary

    def close(self) -> None:
        self.stop.ask()
        for descriptor in (self.source, self.sink):
            if descriptor >= 0:
                os.close(descriptor)
        self.thread.join(TIMEOUT)


@pytest.fixture(params=[(PolledReader, PolledWriter), (ThreadedReader, ThreadedWriter)], ids=["polled", "threaded"])
def line(request: pytest.FixtureRequest) -> Iterator[Callable[..., Line]]:
    opened: list[Line] = []

    def open_line(*arguments: Any, **settings: Any) -> Line:
        opened.append(Line(request.param, *arguments, **settings))
        return opened[-1]

    yield open_line
    for one in opened:
        one.close()


def test_every_frame_leaves_before_the_next_one_comes(line: Callable[..., Line]) -> None:
    pipe = line()
    for index in range(12):
        frame = image(index)
        pipe.send(frame.tobytes())
        assert read_exactly(pipe.sink, FRAME_BYTES) == (255 - frame).tobytes()
    pipe.end()
    summary = pipe.result()
    assert (summary.frames, summary.latency.count, summary.error) == (12, 12, None)
    assert all(stage.count == 12 for stage in summary.stages.values())
    assert os.read(pipe.sink, 1) == b""


def test_the_header_leaves_before_the_first_frame_comes(line: Callable[..., Line]) -> None:
    pipe = line(pixels=None)
    header = b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg\n"
    pipe.send(header)
    assert read_exactly(pipe.sink, len(header)) == header


def test_a_frame_that_comes_in_pieces(line: Callable[..., Line]) -> None:
    pipe = line(pixels=None)
    stream = y4m([flat_yuv(16), flat_yuv(235)])
    for byte in range(0, len(stream), 1001):
        pipe.send(stream[byte : byte + 1001])
    pipe.end()
    assert pipe.result().frames == 2
    assert read_exactly(pipe.sink, 100_000) == y4m([flat_yuv(235), flat_yuv(16)])


def test_parameters_of_frames_are_kept(line: Callable[..., Line]) -> None:
    pipe = line(pixels=None)
    stream = y4m([]) + b"FRAME Itpi XNOTE=1\n" + flat_yuv(16) + b"FRAME\n" + flat_yuv(235)
    pipe.send(stream)
    pipe.end()
    assert pipe.result().frames == 2
    expected = y4m([]) + b"FRAME Itpi XNOTE=1\n" + flat_yuv(235) + b"FRAME\n" + flat_yuv(16)
    assert read_exactly(pipe.sink, 100_000) == expected


def test_frames_wait_at_the_source_and_not_inside(line: Callable[..., Line]) -> None:
    taken, go = threading.Semaphore(0), threading.Semaphore(0)

    def slow(frame: Frame) -> Frame:
        taken.release()
        assert go.acquire(timeout=TIMEOUT)
        return frame.copy()

    pipe = line(slow)
    pipe.send(b"".join(image(index).tobytes() for index in range(3)))
    assert taken.acquire(timeout=TIMEOUT)
    # One is in work, one has been read and waits; the third stays where it is.
    deadline = time.monotonic() + TIMEOUT
    while waiting_in(pipe.source) > FRAME_BYTES and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert waiting_in(pipe.source) == FRAME_BYTES
    for _ in range(3):
        go.release()
    for index in range(3):
        assert read_exactly(pipe.sink, FRAME_BYTES) == image(index).tobytes()


def test_a_slow_reader_loses_and_mixes_nothing(line: Callable[..., Line]) -> None:
    pipe = line(pixels="rgba")
    frames = [np.dstack([image(index), np.full((48, 64), index, np.uint8)]) for index in range(40)]
    sender = threading.Thread(target=lambda: (pipe.send(b"".join(frame.tobytes() for frame in frames)), pipe.end()))
    sender.start()
    for frame in frames:
        expected = np.dstack([255 - frame[..., :3], frame[..., 3]])
        assert read_exactly(pipe.sink, 64 * 48 * 4) == expected.tobytes()
    sender.join()
    assert pipe.result().frames == 40


def test_a_short_last_frame(line: Callable[..., Line]) -> None:
    pipe = line()
    frames = [image(index) for index in range(3)]
    pipe.send(b"".join(frame.tobytes() for frame in frames)[:-1])
    pipe.end()
    summary = pipe.result()
    assert isinstance(summary.error, CutFrameError)
    assert "inside frame 3" in str(summary.error)
    assert f"{FRAME_BYTES - 1} of its {FRAME_BYTES} bytes" in str(summary.error)
    assert read_exactly(pipe.sink, 100_000) == b"".join((255 - frame).tobytes() for frame in frames[:2])


@pytest.mark.parametrize(
    ("more", "kind", "words"),
    [
        (b"FRA", CutFrameError, "inside frame 3"),
        (b"FRAME\n", CutFrameError, "inside frame 3, 0 of its 4608 bytes"),
        (b"FRAME Ip", CutFrameError, "does not end"),
        (b"\x10\x10\x10\x10\x10\x10\x10", FrameStreamError, "frame 3 begins with"),
        (
            y4m([flat_yuv(0, 32, 16)], size=(32, 16)),
            FrameStreamError,
            "a header for 32x16 in place of 64x48 .*after 2 ",
        ),
        (y4m([flat_yuv(0)]), FrameStreamError, "another header"),
    ],
)
def test_streams_that_go_wrong_midway(
    line: Callable[..., Line], more: bytes, kind: type[Exception], words: str
) -> None:
    pipe = line(pixels=None)
    pipe.send(y4m([flat_yuv(16), flat_yuv(235)]) + more)
    if kind is CutFrameError:
        pipe.end()  # the others are told while the source still lives
    summary = pipe.result()
    assert isinstance(summary.error, kind)
    with pytest.raises(kind, match=words):
        raise summary.error
    assert read_exactly(pipe.sink, 100_000) == y4m([flat_yuv(235), flat_yuv(16)])


def test_a_reader_that_leaves_ends_it_though_the_source_is_silent(line: Callable[..., Line]) -> None:
    pipe = line()
    pipe.send(image(0).tobytes())
    read_exactly(pipe.sink, FRAME_BYTES)
    pipe.leave()
    pipe.send(image(1).tobytes())  # and nothing more
    summary = pipe.result()
    assert isinstance(summary.error, ReaderGoneError)
    assert "after 1 frames" in str(summary.error)


def test_an_error_of_the_network_ends_it_though_the_source_is_silent(line: Callable[..., Line]) -> None:
    def fail(frame: Frame) -> Frame:
        raise DeviceError("the device went away. Plug it in")

    pipe = line(fail)
    pipe.send(image(0).tobytes())
    assert isinstance(pipe.result().error, DeviceError)


def test_a_request_to_stop_lets_what_was_read_through(line: Callable[..., Line]) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(frame: Frame) -> Frame:
        begun.set()
        assert go.wait(TIMEOUT)
        return negative(frame)

    pipe = line(slow)
    pipe.send(image(0).tobytes() + image(1).tobytes()[:100])
    assert begun.wait(TIMEOUT)
    pipe.stop.ask()
    go.set()
    summary = pipe.result()
    assert (summary.frames, summary.error) == (1, None)
    assert read_exactly(pipe.sink, 100_000) == (255 - image(0)).tobytes()


def test_a_request_to_stop_gives_up_a_reader_that_takes_nothing(line: Callable[..., Line]) -> None:
    begun = threading.Event()
    pipe = line(lambda frame: (begun.set(), negative(frame))[1], full=True)
    pipe.send(image(0).tobytes())
    assert begun.wait(TIMEOUT)
    pipe.stop.ask()
    summary = pipe.result()
    assert isinstance(summary.error, OutputError)
    assert "took nothing" in str(summary.error)


@pytest.mark.parametrize("reader", [PolledReader, ThreadedReader])
def test_a_source_that_cannot_be_read(reader: Callable[..., ByteReader], tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    stream = reader(folder, StopRequest())
    with pytest.raises(InputError, match="stdin: cannot be read"):
        read_y4m_header(stream)
    with pytest.raises(InputError, match="stdin: cannot be read"):
        next(RawVideoReader(stream, StreamFormat.of_raw(64, 48, "bgr24")).frames())
    os.close(folder)
