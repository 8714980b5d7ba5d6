"""Three stages at once: everything arrives in order, and every way to stop stops all of them."""

import threading
import time
from collections.abc import Callable, Generator

import pytest
from nst_rt.jobs.pipeline import overlapped, overlapped_in_flight


def count_to(last: int, closed: list[bool] | None = None) -> Generator[int, None, None]:
    try:
        yield from range(last)
    finally:
        if closed is not None:
            closed.append(True)


def call(work: Callable[[], int]) -> int:
    """As the second step of the work: `begin` returned what is left to do."""
    return work()


def stages() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("read", "work", "deliver"))]


class FailingStages:
    """Stages for a hundred items, of which one fails at an item."""

    def __init__(self, stage: str, at: int, error: type[BaseException] = ValueError) -> None:
        self.stage, self.at, self.error = stage, at, error
        self.closed: list[bool] = []
        self.delivered: list[int] = []

    def check(self, stage: str, item: int) -> int:
        if (stage, item) == (self.stage, self.at):
            raise self.error(stage)
        return item

    def read(self) -> Generator[int, None, None]:
        for item in count_to(100, self.closed):
            yield self.check("read", item)

    def deliver(self, item: int) -> None:
        self.delivered.append(self.check("deliver", item))

    def assert_ended(self) -> None:
        assert stages() == []
        assert self.closed == [True]
        assert self.delivered == list(range(len(self.delivered)))


def test_all_in_order() -> None:
    arrived: list[int] = []
    overlapped(count_to(500), lambda item: item * 2, arrived.append)
    assert arrived == [item * 2 for item in range(500)]
    assert stages() == []


def test_nothing_at_all() -> None:
    overlapped(count_to(0), lambda item: item, lambda item: None)


def test_work_stays_in_the_calling_thread_and_the_others_do_not() -> None:
    seen: dict[str, str] = {}

    def source() -> Generator[int, None, None]:
        seen["read"] = threading.current_thread().name
        yield 1

    def work(item: int) -> int:
        seen["work"] = threading.current_thread().name
        return item

    overlapped(source(), work, lambda _: seen.update(deliver=threading.current_thread().name))
    assert seen == {"read": "read", "work": threading.current_thread().name, "deliver": "deliver"}


def test_reading_does_not_run_away() -> None:
    read = 0

    def source() -> Generator[int, None, None]:
        nonlocal read
        for item in range(1000):
            read += 1
            yield item

    worst = 0

    def work(item: int) -> int:
        nonlocal worst
        time.sleep(0.001)
        worst = max(worst, read - item)
        return item

    overlapped(source(), work, lambda item: None, depth=3)
    assert worst <= 6


@pytest.mark.parametrize("stage", ["read", "work", "deliver"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("at", [0, 50, 99])
def test_an_error_of_any_stage_ends_all(stage: str, error: type[BaseException], at: int) -> None:
    failing = FailingStages(stage, at, error)
    with pytest.raises(error, match=stage):
        overlapped(failing.read(), lambda item: failing.check("work", item), failing.deliver)
    failing.assert_ended()
    if stage == "read":
        assert len(failing.delivered) <= at


def test_a_slow_reader_does_not_hold_up_the_end() -> None:
    closed: list[bool] = []

    def work(item: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        overlapped(count_to(10**9, closed), work, lambda item: None)
    assert (closed, stages()) == ([True], [])


@pytest.mark.parametrize("number", [1, 2, 5])
def test_in_flight_all_in_order_whoever_is_done_first(number: int) -> None:
    begun_items: list[int] = []
    arrived: list[int] = []

    def begin(item: int) -> Callable[[], int]:
        assert threading.current_thread() is threading.main_thread()
        begun_items.append(item)

        def work() -> int:
            time.sleep(0.002 * (-item % 5))  # later ones are done sooner
            return item * 2

        return work

    overlapped_in_flight(count_to(60), begin, call, arrived.append, number)
    assert begun_items == list(range(60))
    assert arrived == [item * 2 for item in range(60)]
    assert stages() == []


def test_as_many_are_in_work_as_were_asked_for() -> None:
    together = threading.Barrier(3)

    def work() -> int:
        together.wait(20)  # breaks unless three come
        return 1

    arrived: list[int] = []
    overlapped_in_flight(count_to(9), lambda item: work, call, arrived.append, 3)
    assert arrived == [1] * 9


def test_work_in_flight_does_not_run_away_from_delivery() -> None:
    begun = 0
    may_go = threading.Event()
    ahead: list[int] = []

    def begin(item: int) -> Callable[[], int]:
        nonlocal begun
        begun += 1
        return lambda: item

    def deliver(item: int) -> None:
        if item == 0:
            may_go.wait(0.3)
            ahead.append(begun)

    overlapped_in_flight(count_to(100), begin, call, deliver, 2, depth=3)
    assert 3 <= ahead[0] <= 1 + 3 + 2 + 1  # in delivery, waiting or in work, and in the hand


@pytest.mark.parametrize("stage", ["read", "begin", "work", "deliver"])
@pytest.mark.parametrize("at", [0, 50, 99])
def test_an_error_of_any_stage_ends_all_in_flight(stage: str, at: int) -> None:
    failing = FailingStages(stage, at)

    def begin(item: int) -> Callable[[], int]:
        failing.check("begin", item)
        return lambda: failing.check("work", item)

    with pytest.raises(ValueError, match=stage):
        overlapped_in_flight(failing.read(), begin, call, failing.deliver, 3)
    failing.assert_ended()
    assert len(failing.delivered) <= at


def test_what_was_not_begun_when_it_is_interrupted_never_is() -> None:
    worked: list[int] = []

    def begin(item: int) -> Callable[[], None]:
        if item == 6:
            raise KeyboardInterrupt

        def work() -> None:
            time.sleep(0.2)
            worked.append(item)

        return work

    with pytest.raises(KeyboardInterrupt):
        overlapped_in_flight(count_to(100), begin, call, lambda _: None, 2, depth=10)
    assert len(worked) <= 4
    assert stages() == []
