import numpy as np
import pytest
from nst_rt.engine.timing import EXACT, LatencyStatistics, RateMeter


def test_few_values_agree_with_numpy_exactly() -> None:
    values = np.random.default_rng(1).gamma(2.0, 0.01, EXACT)
    statistics = LatencyStatistics()
    for value in values:
        statistics.add(float(value))
    for percent in (0, 1, 50, 90, 95, 99, 100):
        assert statistics.percentile(percent) == pytest.approx(np.percentile(values, percent), rel=1e-12)
    assert statistics.mean == pytest.approx(values.mean())
    assert (statistics.min, statistics.max) == (values.min(), values.max())


@pytest.mark.parametrize("scale", [1e-5, 1e-2, 3.0])
def test_many_values_agree_with_numpy_within_one_percent(scale: float) -> None:
    values = np.random.default_rng(2).lognormal(0, 1, 50_000) * scale
    statistics = LatencyStatistics()
    for value in values:
        statistics.add(float(value))
    for percent in (0, 10, 50, 90, 95, 99, 99.9, 100):
        assert statistics.percentile(percent) == pytest.approx(np.percentile(values, percent), rel=0.01)
    assert statistics.count == 50_000
    assert statistics.mean == pytest.approx(values.mean())


def test_two_clusters_are_not_smeared() -> None:
    statistics = LatencyStatistics()
    for value in [0.001] * 9_900 + [1.0] * 100:
        statistics.add(value)
    assert statistics.percentile(50) == pytest.approx(0.001, rel=0.01)
    assert statistics.percentile(99.5) == pytest.approx(1.0, rel=0.01)
    assert statistics.percentile(100) == 1.0


def test_memory_does_not_grow() -> None:
    statistics = LatencyStatistics()
    for number in range(20_000):
        statistics.add(number * 1e-6)
    assert len(statistics._values) == EXACT
    buckets = len(statistics._buckets)
    for extreme in (0.0, -1.0, 1e9):
        statistics.add(extreme)
    assert len(statistics._buckets) == buckets


def test_nothing_measured_is_zero_and_percentiles_have_bounds() -> None:
    statistics = LatencyStatistics()
    assert statistics.milliseconds() == {
        "count": 0, "mean": 0, "p50": 0, "p90": 0, "p95": 0, "p99": 0, "min": 0, "max": 0,
    }  # fmt: skip
    with pytest.raises(ValueError, match="101"):
        statistics.percentile(101)


def test_rate_counts_intervals_not_frames() -> None:
    meter = RateMeter()
    assert meter.overall == meter.recent(0.0) == 0.0
    for number in range(11):
        meter.tick(100 + number * 0.1)
    assert meter.overall == pytest.approx(10)
    assert meter.recent(101.0) == pytest.approx(10)


def test_recent_rate_forgets() -> None:
    meter = RateMeter(window=1.0)
    for number in range(100):
        meter.tick(number * 0.01)
    for number in range(10):
        meter.tick(5 + number * 0.1)
    assert meter.recent(5.9) == pytest.approx(10)
    assert meter.recent(60.0) == 0.0
    assert meter.count == 110
