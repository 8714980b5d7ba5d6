"""Three stages at once: everything arrives in order, and every way to stop stops all of them."""

import threading
import time
from collections.abc import Generator

import pytest
from nst_rt.overlap import overlapped


def count_to(last: int, closed: list[bool] | None = None) -> Generator[int, None, None]:
    try:
        yield from range(last)
    finally:
        if closed is not None:
            closed.append(True)


def stages() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name in ("read", "deliver")]


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
    closed: list[bool] = []
    delivered: list[int] = []

    def fail_in(name: str, item: int) -> int:
        if name == stage and item == at:
            raise error(name)
        return item

    def source() -> Generator[int, None, None]:
        for item in count_to(100, closed):
            yield fail_in("read", item)

    def deliver(item: int) -> None:
        delivered.append(fail_in("deliver", item))

    with pytest.raises(error, match=stage):
        overlapped(source(), lambda item: fail_in("work", item), deliver)
    assert stages() == []
    assert closed == [True]
    assert delivered == list(range(len(delivered)))
    if stage == "read":
        assert len(delivered) <= at


def test_a_slow_reader_does_not_hold_up_the_end() -> None:
    closed: list[bool] = []

    def work(item: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        overlapped(count_to(10**9, closed), work, lambda item: None)
    assert (closed, stages()) == ([True], [])
