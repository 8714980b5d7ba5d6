import itertools
from types import SimpleNamespace

import nst_bench.speed.rounds
import numpy as np
import pytest
from nst_bench.harness.latency import Case
from nst_bench.harness.noise import noise_of_run, relative_noise
from nst_bench.speed.rounds import LEAST_CALLS, ROUNDS, WARM_UP, take_turns
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

    def available(self) -> str:
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
    monkeypatch.setattr(nst_bench.speed.rounds, "time", SimpleNamespace(perf_counter=clock.perf_counter))
    return clock


def test_everyone_has_the_same_share_in_turns(clock: Clock) -> None:
    order: list[str] = []
    fast, slow = Fake(clock, "fast", 0.125, order), Fake(clock, "slow", 0.5, order, shift=1)
    results, skipped = take_turns([fast, slow], CASE, seconds=2 * ROUNDS)
    assert not skipped
    # A turn is one second of each: eight calls of the one, two of the other.
    turns = [(name, len(list(calls))) for name, calls in itertools.groupby(order[2 * WARM_UP :])]
    assert turns == [("fast", 8), ("slow", 2)] * ROUNDS
    by_name = {result["name"]: result for result in results}
    assert (by_name["fast"]["latency"]["p50"], by_name["slow"]["latency"]["p50"]) == (125, 500)
    assert (by_name["fast"]["prepare_ms"], by_name["fast"]["frames_per_second"]) == (10_000, 8)
    assert by_name["fast"]["noise"] == 0
    assert by_name["fast"]["agreement_db"] is None
    # An error of 1 everywhere but where 255 was.
    assert by_name["slow"]["agreement_db"] == pytest.approx(48.1, abs=0.3)
    assert (fast.closed, slow.closed) == (1, 1)


def test_images_are_held_against_those_of_the_same_network(clock: Clock) -> None:
    order: list[str] = []
    first = Fake(clock, "first", 0.5, order)
    other = Fake(clock, "other", 0.5, order, shift=9, network="another")
    same_as_other = Fake(clock, "same", 0.5, order, shift=9, network="another")
    same_as_first = Fake(clock, "far", 0.5, order, shift=1)
    results, _ = take_turns([first, other, same_as_other, same_as_first], CASE, seconds=ROUNDS)
    told = {result["name"]: (result["network"], result["agreement_db"]) for result in results}
    far = told.pop("far")
    assert told == {"first": ("net", None), "other": ("another", None), "same": ("another", None)}
    assert far == ("net", pytest.approx(48.1, abs=0.3))


def test_one_longer_than_a_turn_sits_out_and_is_called_often_enough(clock: Clock) -> None:
    order: list[str] = []
    slow, very_slow = Fake(clock, "slow", 3, order), Fake(clock, "very slow", 100, order)
    take_turns([slow, very_slow], CASE, seconds=2 * ROUNDS)
    assert (slow.calls, very_slow.calls) == (WARM_UP + LEAST_CALLS, WARM_UP + LEAST_CALLS)


def test_a_failing_contender_stops_nobody(clock: Clock) -> None:
    order: list[str] = []
    good, late, early, absent = (Fake(clock, name, 0.5, order) for name in ("good", "late", "early", "absent"))
    late.fails_at, early.fails_at, absent.excuse = WARM_UP + 1, 0, "not installed: pip install it"
    results, skipped = take_turns([good, late, early, absent], CASE, seconds=2 * ROUNDS)
    assert [result["name"] for result in results] == ["good"]
    reasons = {entry["name"]: entry["reason"] for entry in skipped}
    broken = "RuntimeError: broken"
    assert reasons == {"late": broken, "early": broken, "absent": "not installed: pip install it"}
    assert (late.closed, early.closed, absent.closed) == (1, 1, 0)


def test_noise() -> None:
    assert relative_noise([1, 2]) is None
    assert relative_noise([10, 10, 10]) == 0
    # Quartiles 9 and 11 around 10.
    assert relative_noise([8, 9, 10, 11, 12]) == 0.1
    # Single slow frames are no noise, a drift is.
    assert noise_of_run([1, 1, 1, 1, 9] * 16) == 0
    assert noise_of_run([1 + index / 80 for index in range(80)]) == pytest.approx(0.15, abs=0.01)
