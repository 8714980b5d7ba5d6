import itertools
import time

import numpy as np
import pytest
from nst_bench.harness.workload import Case
from nst_bench.speed.interleaved import LEAST_CALLS, ROUNDS, WARM_UP, InterleavedRun
from nst_rt.contract import Frame

CASE = Case(32, 16)


class Clock:
    """Time that passes only while somebody works."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


class Fake:
    """Takes `seconds` for a frame and adds `shift` to it."""

    def __init__(
        self, clock: Clock, name: str, seconds: float, order: list[str], shift: int = 0, network: str = "net"
    ) -> None:
        self.clock, self.name, self.seconds, self.order, self.shift = clock, name, seconds, order, shift
        self.network = network
        self.calls, self.closed, self.fails_at, self.excuse = 0, 0, -1, ""

    def unavailable(self) -> str:
        return self.excuse

    def prepare(self, case: Case) -> None:
        assert case == CASE
        self.clock.now += 10

    def call(self, frame: Frame) -> Frame:
        if self.calls == self.fails_at:
            raise RuntimeError("broken\nmore")
        self.calls += 1
        self.order.append(self.name)
        self.clock.now += self.seconds
        return np.clip(frame.astype(int) + self.shift, 0, 255).astype(np.uint8)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock.perf_counter)
    return clock


def test_every_backend_has_the_same_share_of_every_round(clock: Clock) -> None:
    order: list[str] = []
    fast, slow = Fake(clock, "fast", 0.125, order), Fake(clock, "slow", 0.5, order, shift=1)
    run = InterleavedRun(CASE, seconds=2 * ROUNDS)
    results = run.measure([fast, slow])
    assert not run.skipped
    # A round is one second of each: eight calls of the one, two of the other.
    rounds = [(name, len(list(calls))) for name, calls in itertools.groupby(order[2 * WARM_UP :])]
    assert rounds == [("fast", 8), ("slow", 2)] * ROUNDS
    by_name = {result["name"]: result for result in results}
    assert (by_name["fast"]["latency"]["p50"], by_name["slow"]["latency"]["p50"]) == (125, 500)
    assert (by_name["fast"]["prepare_ms"], by_name["fast"]["frames_per_second"]) == (10_000, 8)
    assert by_name["fast"]["noise"] == 0
    assert by_name["fast"]["agreement_db"] is None
    # An error of 1 everywhere but where 255 was.
    assert by_name["slow"]["agreement_db"] == pytest.approx(48.1, abs=0.3)
    assert (fast.closed, slow.closed) == (1, 1)


def test_images_are_compared_with_those_of_the_same_network(clock: Clock) -> None:
    order: list[str] = []
    first = Fake(clock, "first", 0.5, order)
    other = Fake(clock, "other", 0.5, order, shift=9, network="another")
    same_as_other = Fake(clock, "same", 0.5, order, shift=9, network="another")
    same_as_first = Fake(clock, "far", 0.5, order, shift=1)
    results = InterleavedRun(CASE, seconds=ROUNDS).measure([first, other, same_as_other, same_as_first])
    found = {result["name"]: (result["network"], result["agreement_db"]) for result in results}
    far = found.pop("far")
    assert found == {"first": ("net", None), "other": ("another", None), "same": ("another", None)}
    assert far == ("net", pytest.approx(48.1, abs=0.3))


def test_a_call_longer_than_a_round_skips_rounds_and_is_called_often_enough(clock: Clock) -> None:
    order: list[str] = []
    slow, very_slow = Fake(clock, "slow", 3, order), Fake(clock, "very slow", 100, order)
    InterleavedRun(CASE, seconds=2 * ROUNDS).measure([slow, very_slow])
    assert (slow.calls, very_slow.calls) == (WARM_UP + LEAST_CALLS, WARM_UP + LEAST_CALLS)


def test_the_rest_continues_after_a_backend_that_fails(clock: Clock) -> None:
    order: list[str] = []
    good, late, early, absent = (Fake(clock, name, 0.5, order) for name in ("good", "late", "early", "absent"))
    late.fails_at, early.fails_at, absent.excuse = WARM_UP + 1, 0, "not installed: pip install it"
    run = InterleavedRun(CASE, seconds=2 * ROUNDS)
    results = run.measure([good, late, early, absent])
    assert [result["name"] for result in results] == ["good"]
    reasons = {entry["name"]: entry["reason"] for entry in run.skipped}
    broken = "RuntimeError: broken"
    assert reasons == {"late": broken, "early": broken, "absent": "not installed: pip install it"}
    assert (late.closed, early.closed, absent.closed) == (1, 1, 0)
