"""Frames to the server and back: sizes, pixel formats, order, room, and impossible frames."""

import threading
import time

import numpy as np
import pytest
from nst_rt.contract import Frame
from nst_rt.errors import InputError, NstError, RoleTakenError, ShareError, ShareTimeoutError
from nst_rt.media.pixels.pixel_formats import PIXEL_FORMATS
from nst_rt.shared_memory import ShareClient, ShareServer, Status
from nst_rt.shared_memory.frame_layout import FrameLayout
from nst_rt.shared_memory.ring import RingReader, RingWriter
from nst_rt.shared_memory.segment import Segment
from nst_rt.shared_memory.slot_stylizer import SlotStylizer
from share_process import HEIGHT, WIDTH, image, invert, serving, until


def test_round_trips_of_changing_size(name: str) -> None:
    server = ShareServer(name, width=WIDTH, height=HEIGHT, slots=2, description="tiny inverted on cpu")
    with serving(server) as served, ShareClient(name) as client:
        assert client.description == "tiny inverted on cpu"
        assert client.size == (WIDTH, HEIGHT)
        for index in range(20):
            frame = image(index, 16 + 2 * index, HEIGHT - index)
            np.testing.assert_array_equal(client.stylize(frame), 255 - frame)
    assert served.summary.frames == 20
    text = served.summary.to_text()
    for words in ("20 frames in", "frames/s", "latency p50", "wait in line", "stylise", "wait for room"):
        assert words in text


def test_numbers_tags_and_times_come_back(name: str) -> None:
    with serving(ShareServer(name, width=WIDTH, height=HEIGHT)), ShareClient(name) as client:
        before = time.monotonic_ns()
        numbers = [client.send(image(index), time_ns=-index, tag=100 + index) for index in range(3)]
        results = [client.receive() for _ in range(3)]
        assert numbers == [0, 1, 2] == [result.number for result in results]
        assert [(result.time_ns, result.tag) for result in results] == [(0, 100), (-1, 101), (-2, 102)]
        for index, result in enumerate(results):
            assert (result.status, result.pixel_format, result.message) == (Status.STYLIZED, "bgr24", "")
            assert before < result.sent_ns <= result.taken_ns <= result.written_ns < time.monotonic_ns()
            np.testing.assert_array_equal(result.pixels, 255 - image(index))


@pytest.mark.parametrize("pixels", [name for name, format in PIXEL_FORMATS.items() if format.colors != "yuv"])
def test_rgb_and_gray(pixels: str, name: str) -> None:
    with serving(ShareServer(name, width=WIDTH, height=HEIGHT)), ShareClient(name) as client:
        frame = np.random.default_rng(1).integers(0, 256, FrameLayout(WIDTH, HEIGHT, pixels).shape, np.uint8)
        client.send(frame, pixel_format=pixels)
        result = client.receive()
        assert result.pixel_format == pixels
        if pixels == "rgba":
            np.testing.assert_array_equal(result.pixels[..., 3], frame[..., 3])
            frame, result_pixels = frame[..., :3], result.pixels[..., :3]
        else:
            result_pixels = result.pixels
        np.testing.assert_array_equal(result_pixels, 255 - frame)


@pytest.mark.parametrize("pixels", [name for name, format in PIXEL_FORMATS.items() if format.colors == "yuv"])
def test_yuv(pixels: str, name: str) -> None:
    with serving(ShareServer(name, width=WIDTH, height=HEIGHT)), ShareClient(name) as client:
        with client.writing(31, 17, pixels) as planes:
            planes[:] = 128
            planes[: 31 * 17] = 16  # black
        with client.reading() as result:
            assert result.pixels.shape == (PIXEL_FORMATS[pixels].frame_bytes(31, 17),)
            assert set(result.pixels[: 31 * 17].tolist()) == {235}
            assert set(result.pixels[31 * 17 :].tolist()) == {128}


def test_range_and_matrix_are_obeyed() -> None:
    layout = FrameLayout(16, 16, "yuv444p")
    frame, result = np.full(768, 128, np.uint8), np.zeros(768, np.uint8)
    frame[:256] = 16
    SlotStylizer(invert, "bt709", "full")(layout, frame, result)
    assert set(result[:256].tolist()) == {239}
    colored = np.full(768, 90, np.uint8)
    made = []
    for matrix in ("bt601", "bt709"):
        seen: list[Frame] = []
        SlotStylizer(lambda bgr, out, seen=seen: seen.append(bgr.copy()), matrix)(layout, colored, result)
        made.append(seen[0])
    assert not np.array_equal(*made)


def test_written_and_read_in_place(name: str) -> None:
    with serving(ShareServer(name, width=WIDTH, height=HEIGHT, slots=1)), ShareClient(name) as client:
        with pytest.raises(ZeroDivisionError), client.writing(WIDTH, HEIGHT) as pixels:
            raise ZeroDivisionError  # never sent
        with client.writing(WIDTH, HEIGHT, tag=5) as pixels:
            assert pixels.ctypes.data % 64 == 0
            pixels[:] = 3
        with client.reading() as result:
            assert (result.number, result.tag) == (0, 5)
            assert set(result.pixels.ravel().tolist()) == {252}


def test_no_room_and_no_result_are_said_in_time(name: str) -> None:
    with ShareServer(name, width=WIDTH, height=HEIGHT, slots=2), ShareClient(name) as client:
        for _ in range(2):
            client.send(image(0), timeout=0)
        with pytest.raises(ShareTimeoutError, match="no room for a frame"):
            client.send(image(0), timeout=0.02)
        with pytest.raises(ShareTimeoutError, match="no result"):
            client.receive(timeout=0.02)


def test_a_consumer_that_reads_nothing_loses_nothing(name: str) -> None:
    with serving(ShareServer(name, width=WIDTH, height=HEIGHT, slots=2)) as server, ShareClient(name) as client:
        sent = 0
        while sent < 100:
            try:
                client.send(image(sent), timeout=0.5)
            except ShareTimeoutError:
                break
            sent += 1
        assert sent == 4  # two results, two frames
        assert server.summary.frames == 2
        for index in range(sent):
            np.testing.assert_array_equal(client.receive().pixels, 255 - image(index))


def test_frames_that_cannot_be(name: str) -> None:
    with serving(ShareServer(name, width=WIDTH, height=HEIGHT)), ShareClient(name) as client:
        room = WIDTH * HEIGHT * 4
        for frame, pixels, words in (
            (np.zeros((100, 100, 3), np.uint8), "bgr24", f"over the {room} bytes of a slot"),
            (np.zeros((15, 64, 3), np.uint8), "bgr24", "64x15 px"),
            (np.zeros((48, 64, 3), np.float32), "bgr24", "float32"),
            (np.zeros((48, 64), np.uint8), "bgr24", "has shape"),
            (np.zeros((48, 64, 3), np.uint8), "bgra", "none of bgr24"),
        ):
            with pytest.raises(InputError, match=words):
                client.send(frame, pixel_format=pixels)
        assert client.send(image(0)) == 0  # nothing of the kind was counted


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("width", 8, "8x48 px"),
        ("width", 4000, "over the"),
        ("height", 2**32 - 1, "px"),
        ("stride", 100, "rows of 192 bytes"),
        ("size", 2**63, "in all"),
        ("pixel_format", 77, "pixel format 77"),
    ],
)
def test_a_producer_that_writes_nonsense_is_told(field: str, value: int, words: str, name: str) -> None:
    said: list[str] = []
    with serving(ShareServer(name, width=WIDTH, height=HEIGHT), said) as server, ShareClient(name) as client:
        client.send(image(0))
        client.receive()
        segment = Segment.open(name)
        writer = RingWriter(segment.frames())
        slot = writer.begin()
        FrameLayout(WIDTH, HEIGHT, "bgr24").write_to(slot.header)
        setattr(slot.header, field, value)
        writer.commit()
        segment.close()
        result = client.receive()
        assert (result.status, result.pixels.size) == (Status.REFUSED, 0)
        assert words in result.message
        with pytest.raises(InputError, match="frame 1:"):
            result.stylized()
        client.reconnect()
        np.testing.assert_array_equal(client.stylize(image(2)), 255 - image(2))
        assert until(lambda: server.summary.frames == 2)
    assert server.summary.refused == 1
    assert any(words in line for line in said)


def test_a_network_that_fails_is_a_result_and_goes_on(name: str) -> None:
    def sometimes(frame: Frame, out: Frame) -> None:
        if frame[0, 0, 0] == 13:
            raise NstError("out of luck")
        invert(frame, out)

    said: list[str] = []
    server = ShareServer(name, width=WIDTH, height=HEIGHT)
    thread = threading.Thread(target=server.run, args=(sometimes,), kwargs={"report": said.append})
    thread.start()
    try:
        with ShareClient(name) as client:
            bad, good = image(0), image(1)
            bad[0, 0, 0], good[0, 0, 0] = 13, 14
            for _ in range(2):
                with pytest.raises(NstError, match=r"frame \d: out of luck"):
                    client.stylize(bad)
            np.testing.assert_array_equal(client.stylize(good), 255 - good)
    finally:
        server.stop()
        thread.join()
        server.close()
    assert (server.summary.frames, server.summary.failed) == (1, 2)
    assert said.count("out of luck") == 1  # the same trouble once


def test_a_frame_that_changes_under_the_server_is_called_torn(name: str) -> None:
    server = ShareServer(name, width=WIDTH, height=HEIGHT)
    client = ShareClient(name)

    intruder = Segment.open(name)

    def interfered(frame: Frame, out: Frame) -> None:
        intruder.frames().slot(0).header.sequence = 99
        invert(frame, out)

    thread = threading.Thread(target=server.run, args=(interfered,))
    thread.start()
    try:
        client.send(image(0))
        result = client.receive()
    finally:
        server.stop()
        thread.join()
        intruder.close()
        client.close()
        server.close()
    assert result.status is Status.TORN
    assert "Only the producer may write" in result.message


def test_a_result_that_changes_under_the_reader_is_an_error(name: str) -> None:
    with serving(ShareServer(name, width=WIDTH, height=HEIGHT)), ShareClient(name) as client:
        reader = RingReader(Segment.open(name).results())
        client.send(image(0))
        with pytest.raises(ShareError, match="result 0 was changed"), client.reading():
            reader.slot().header.sequence = 99
        client.send(image(1))
        assert until(lambda: reader.waiting() == 1)
        RingReader(Segment.open(name).results()).slot().header.sequence = 99
        with pytest.raises(ShareError, match="result 1 was changed"):
            client.receive()
        np.testing.assert_array_equal(client.stylize(image(2)), 255 - image(2))


@pytest.mark.parametrize(("field", "value"), [("status", 77), ("width", WIDTH + 1), ("stride", 10**8)])
def test_a_result_that_cannot_be_is_an_error_once(field: str, value: int, name: str) -> None:
    with serving(ShareServer(name, width=WIDTH, height=HEIGHT)), ShareClient(name) as client:
        reader = RingReader(Segment.open(name).results())
        client.send(image(0))
        assert until(lambda: reader.waiting() == 1)
        setattr(reader.slot().header, field, value)
        with pytest.raises(ShareError, match="result 0 was changed"):
            client.receive()
        np.testing.assert_array_equal(client.stylize(image(1)), 255 - image(1))


def test_stylize_gets_past_what_a_predecessor_left(name: str) -> None:
    with serving(ShareServer(name, width=WIDTH, height=HEIGHT, slots=3)):
        with ShareClient(name) as predecessor:
            for index in range(6):
                predecessor.send(image(index))
        with ShareClient(name) as client:
            segment = Segment.open(name)
            assert until(lambda: segment.results().filled() == segment.frames().filled() == 3)
            segment.close()
            np.testing.assert_array_equal(client.stylize(image(9)), 255 - image(9))


def test_stylize_still_ends_in_time(name: str) -> None:
    with ShareServer(name, width=WIDTH, height=HEIGHT, slots=1), ShareClient(name) as client:  # which takes no frames
        client.send(image(0))
        with pytest.raises(ShareTimeoutError, match="no room for a frame in time"):
            client.stylize(image(1), timeout=0.15)


def test_a_closed_client_says_so(name: str) -> None:
    with ShareServer(name, width=WIDTH, height=HEIGHT):
        client = ShareClient(name)
        client.close()
        for call in (client.receive, lambda: client.send(image(0)), lambda: client.stylize(image(0))):
            with pytest.raises(ShareError, match="not connected"):
                call()


def test_counters_that_cannot_be_are_an_error(name: str) -> None:
    with ShareServer(name, width=WIDTH, height=HEIGHT) as server, ShareClient(name) as client:
        intruder = Segment.open(name)
        intruder.frames().head.set(1000)
        intruder.close()
        with pytest.raises(ShareError, match="is damaged"):
            server.run(invert)
        with pytest.raises(ShareError, match="is damaged"):
            client.send(image(0))


def test_producer_and_consumer_may_be_two(name: str) -> None:
    said: list[str] = []
    with serving(ShareServer(name, width=WIDTH, height=HEIGHT), said):
        producer, consumer = ShareClient(name, consume=False), ShareClient(name, produce=False)
        with pytest.raises(RoleTakenError, match=r"process \d+ is its producer already"):
            ShareClient(name)
        with pytest.raises(RoleTakenError, match=r"process \d+ is its consumer already"):
            ShareClient(name, produce=False)
        producer.send(image(0))
        np.testing.assert_array_equal(consumer.receive().pixels, 255 - image(0))
        with pytest.raises(ShareError, match="only a consumer"):
            producer.receive()
        with pytest.raises(ShareError, match="only a producer"):
            consumer.send(image(0))
        assert until(lambda: len(said) == 2)
        producer.close()
        consumer.close()
        assert until(lambda: len(said) == 4)
        with ShareClient(name) as both:  # free again; the numbers go on
            assert both.first_number == 1
            np.testing.assert_array_equal(both.stylize(image(1)), 255 - image(1))
    assert [line.split()[-1] for line in said[:4]] == ["joined", "joined", "left", "left"]


def test_hammer(name: str) -> None:
    """Both sides as fast as they can for a while; every byte says which frame it is of."""
    server = ShareServer(name, width=WIDTH, height=HEIGHT, slots=2)
    stop = time.monotonic() + 2
    sent = 0
    with serving(server), ShareClient(name) as client:

        def produce() -> None:
            nonlocal sent
            while time.monotonic() < stop:
                with client.writing(16 + sent % 49, HEIGHT, tag=sent, timeout=10) as pixels:
                    pixels[:] = sent % 251
                sent += 1

        thread = threading.Thread(target=produce)
        thread.start()
        received = 0
        while thread.is_alive() or received < sent:
            try:
                with client.reading(timeout=0.5) as result:
                    assert (result.number, result.tag) == (received, received)
                    assert result.pixels.shape == (HEIGHT, 16 + received % 49, 3)
                    assert (result.pixels == 255 - received % 251).all()
            except ShareTimeoutError:
                continue
            received += 1
        thread.join()
    assert received == sent > 20
