import threading
import time
from typing import Any

import pytest
from nst_rt.errors import SourceError
from nst_rt.live.capture import Capture, LiveFrame


def never() -> Any:
    raise SourceError("not today")


def waiting_source(list_source: Any, gate: threading.Event) -> Any:
    """A live source that has no image until the gate opens."""

    class Waiting(list_source):  # type: ignore[misc]
        def read(self) -> LiveFrame | None:
            gate.wait(30)
            return None

    return Waiting([], live=True)


def test_newest_wins_under_a_slow_consumer(list_source: Any, image: Any, eventually: Any) -> None:
    capture = Capture(list_source([image(value) for value in range(200)]), never, print)
    capture.start()
    eventually(lambda: capture.status().captured == 200)
    frame = capture.take(1)
    assert frame is not None
    assert int(frame.pixels[0, 0, 0]) == 199
    assert capture.take(0) is None
    status = capture.status()
    assert (status.captured, status.dropped, status.ended) == (200, 199, True)
    capture.close()


def test_every_image_is_taken_or_dropped_and_order_is_kept(list_source: Any, image: Any) -> None:
    capture = Capture(list_source([image(value) for value in range(100)], pause=0.001), never, print)
    capture.start()
    seen = []
    while not capture.status().ended:
        frame = capture.take(0.1)
        if frame is not None:
            seen.append(int(frame.pixels[0, 0, 0]))
            time.sleep(0.004)
    assert seen == sorted(set(seen))
    assert seen[-1] == 99
    assert len(seen) + capture.status().dropped == 100
    capture.close()


def test_take_gives_up_in_time(list_source: Any) -> None:
    gate = threading.Event()
    capture = Capture(waiting_source(list_source, gate), never, print)
    capture.start()
    assert capture.take(0.01) is None
    assert not capture.status().ended
    gate.set()
    capture.close()


def test_a_video_is_paced_by_its_time_stamps(list_source: Any, image: Any) -> None:
    frames = [LiveFrame(image(number), 0.0, number * 0.05) for number in range(9)]
    began = time.monotonic()
    capture = Capture(list_source(frames), never, print)
    capture.start()
    taken = []
    while not capture.status().ended:
        frame = capture.take(1)
        if frame is not None:
            taken.append(frame.captured - began)
    capture.close()
    assert capture.status().captured == 9
    # Never early; how late depends on the machine.
    assert taken[-1] >= 0.05 * 8
    assert all(late >= 0.05 * index - 1e-3 for index, late in enumerate(taken) if len(taken) == 9)


def test_a_video_that_fell_behind_does_not_rush(list_source: Any, image: Any) -> None:
    now = 0.0

    def clock() -> float:
        return now

    source = list_source([LiveFrame(image(1), 0.0, 0.0), LiveFrame(image(2), 0.0, 0.1), LiveFrame(image(3), 0.0, 0.2)])
    read = source.read
    read_at: list[float] = []

    def slow() -> Any:
        nonlocal now
        read_at.append(time.monotonic())
        frame = read()
        if frame is not None and frame.due == 0.1:
            now += 30  # the laptop slept
        return frame

    source.read = slow
    capture = Capture(source, never, print, clock=clock)
    capture.start()
    while not capture.status().ended:
        capture.take(0.2)
    capture.close()
    # The third frame waits for its turn after the second one, although both are late.
    assert read_at[3] - read_at[2] >= 0.09


def test_a_lost_camera_comes_back(list_source: Any, image: Any, lost: Any, eventually: Any) -> None:
    first = list_source([image(1), lost()], live=True)
    second = list_source([image(2)] * 3 + [None], live=True, pause=0.01)
    third = list_source([image(3)] * 1000, live=True, pause=0.01)
    attempts: list[Any] = [SourceError("busy"), second, SourceError("busy"), third]
    lines: list[str] = []

    def reopen() -> Any:
        attempt = attempts.pop(0)
        if isinstance(attempt, Exception):
            raise attempt
        return attempt

    capture = Capture(first, reopen, lines.append, first_retry=0.01)
    capture.start()
    eventually(lambda: capture.status().reconnects == 2)
    eventually(lambda: (frame := capture.take(1)) is not None and int(frame.pixels[0, 0, 0]) == 3)
    assert not capture.status().lost
    capture.close()
    assert lines[0].startswith("the cable was pulled")
    assert lines[1] == "list is back"
    assert (first.closed, second.closed, third.closed) == (1, 1, 1)


def test_the_loss_can_be_seen_and_closing_ends_the_attempts(list_source: Any, lost: Any, eventually: Any) -> None:
    capture = Capture(list_source([lost()], live=True), never, lambda line: None)
    capture.start()
    eventually(lambda: capture.status().lost == "the cable was pulled")
    assert not capture.status().ended
    capture.close()
    assert capture.status().ended


def test_an_unexpected_error_reaches_the_taker(list_source: Any, image: Any, eventually: Any) -> None:
    source = list_source([image(1), ZeroDivisionError("bug")])
    capture = Capture(source, never, print)
    capture.start()
    eventually(lambda: capture.status().captured == 1 and source.closed)
    assert capture.take(1) is not None  # what came before it is not lost
    assert not capture.status().ended
    with pytest.raises(ZeroDivisionError):
        capture.take(1)
    capture.close()


def test_a_source_that_hangs_does_not_keep_us(list_source: Any) -> None:
    gate = threading.Event()
    capture = Capture(waiting_source(list_source, gate), never, lambda line: None)
    capture.start()
    began = time.monotonic()
    capture.close(timeout=0.05)
    assert time.monotonic() - began < 10
    gate.set()


def test_a_capture_that_never_started_closes_its_source(list_source: Any, image: Any) -> None:
    source = list_source([image(1)])
    capture = Capture(source, never, print)
    assert capture.take(0) is None
    capture.close()
    assert source.closed == 1
