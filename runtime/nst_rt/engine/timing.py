"""Latency statistics and frame rates in bounded memory, for runs that never end and for the benchmark."""

import math
import time
from collections import deque
from dataclasses import dataclass, field

EXACT = 4096
"""The first values that are kept as they are. Up to this count, percentiles are exact."""

_LOWEST, _HIGHEST = 1e-6, 1e4
_GROWTH = 1.01
_BUCKETS = math.ceil(math.log(_HIGHEST / _LOWEST) / math.log(_GROWTH)) + 1


class LatencyStatistics:
    """Count, mean, extremes and percentiles of durations in seconds.

    Count, mean, minimum and maximum are always exact. Percentiles interpolate linearly between ranks, as NumPy's do;
    they are exact up to `EXACT` values. Later ones come from a histogram of fixed size whose buckets grow by 1 %, which
    puts each within 1 % of the exact rank for durations between 1 µs and 10 000 s. Memory is bounded at about 100 KB.
    """

    def __init__(self) -> None:
        self._values: list[float] = []
        self._buckets = [0] * _BUCKETS
        self.count = 0
        self._sum = 0.0
        self._min = math.inf
        self._max = 0.0

    def add(self, seconds: float) -> None:
        """Take one duration in seconds; a negative one (the clock was set back) counts as zero."""
        seconds = max(0.0, seconds)
        if len(self._values) < EXACT:
            self._values.append(seconds)
        self._buckets[_bucket(seconds)] += 1
        self.count += 1
        self._sum += seconds
        self._min = min(self._min, seconds)
        self._max = max(self._max, seconds)

    @property
    def mean(self) -> float:
        """In seconds; 0 before the first value."""
        return self._sum / self.count if self.count else 0.0

    @property
    def min(self) -> float:
        """In seconds; 0 before the first value."""
        return self._min if self.count else 0.0

    @property
    def max(self) -> float:
        """In seconds; 0 before the first value."""
        return self._max

    def percentile(self, percent: float) -> float:
        """The duration in seconds that `percent` (0 to 100) of all values do not exceed; 0 before the first value.

        Raises:
            ValueError: `percent` outside 0 to 100.
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"percentile {percent} is not between 0 and 100")
        if not self.count:
            return 0.0
        rank = percent / 100 * (self.count - 1)
        below, share = math.floor(rank), rank - math.floor(rank)
        low, high = self._at_ranks(below, min(below + 1, self.count - 1))
        return low + (high - low) * share

    def _at_ranks(self, first: int, second: int) -> tuple[float, float]:
        if self.count == len(self._values):
            ordered = sorted(self._values)
            return ordered[first], ordered[second]
        found: list[float] = []
        seen = 0
        for index, number in enumerate(self._buckets):
            seen += number
            while len(found) < 2 and (first, second)[len(found)] < seen:
                # The extremes are known exactly, and a bucket must not go beyond them.
                found.append(min(max(_middle(index), self._min), self._max))
        return found[0], found[1]

    def milliseconds(self) -> dict[str, float | int]:
        """JSON-ready: `count`, and `mean`, `p50`, `p90`, `p95`, `p99`, `min`, `max` in milliseconds."""
        seconds = {
            "mean": self.mean,
            **{f"p{percent}": self.percentile(percent) for percent in (50, 90, 95, 99)},
            "min": self.min,
            "max": self.max,
        }
        return {"count": self.count, **{name: round(value * 1e3, 3) for name, value in seconds.items()}}


def _bucket(seconds: float) -> int:
    if seconds <= _LOWEST:
        return 0
    return min(_BUCKETS - 1, 1 + math.floor(math.log(seconds / _LOWEST) / math.log(_GROWTH)))


def _middle(index: int) -> float:
    # The geometric middle of bucket `index`, which spans _LOWEST * _GROWTH ** (index - 1) to ** index.
    return 0.0 if index == 0 else _LOWEST * _GROWTH ** (index - 0.5)


class RateMeter:
    """Frames per second from the times of the frames: n frames span n - 1 intervals.

    `recent` looks at the last `window` seconds (at most `most` frames), `overall` at the whole run.
    """

    def __init__(self, window: float = 2.0, most: int = 512) -> None:
        self.count = 0
        self._window = window
        self._times: deque[float] = deque(maxlen=most)
        self._first = self._last = 0.0

    def tick(self, now: float) -> None:
        """One frame at `now`, in seconds of any monotonic clock."""
        if not self.count:
            self._first = now
        self.count += 1
        self._last = now
        self._times.append(now)
        while now - self._times[0] > self._window:
            self._times.popleft()

    def recent(self, now: float) -> float:
        """Frames per second over the window before `now`; 0 when fewer than two frames lie in it."""
        times = [time for time in self._times if now - time <= self._window]
        return _rate(len(times), times[-1] - times[0]) if times else 0.0

    @property
    def overall(self) -> float:
        """Frames per second from the first frame to the last; 0 with fewer than two frames."""
        return _rate(self.count, self._last - self._first)


def _rate(frames: int, seconds: float) -> float:
    return (frames - 1) / seconds if frames > 1 and seconds > 0 else 0.0


@dataclass
class RunStatistics:
    """What a run over many frames measured; times in seconds."""

    stages: dict[str, LatencyStatistics]
    """Of each frame."""
    seconds: float = 0.0
    rate: RateMeter = field(default_factory=RateMeter)
    latency: LatencyStatistics = field(default_factory=LatencyStatistics)
    """Of a frame from its arrival to its complete result."""

    @property
    def frames(self) -> int:
        """How many frames were stylised."""
        return self.rate.count

    def latencies(self, digits: int) -> str:
        """The latency and its stages in milliseconds, for a person.

        Args:
            digits: behind the point.
        """
        stages = ", ".join(f"{name} {one.percentile(50) * 1e3:.{digits}f}" for name, one in self.stages.items())
        p50, p99 = (f"{self.latency.percentile(percent) * 1e3:.{digits}f} ms" for percent in (50, 99))
        return f"latency p50 {p50}, p99 {p99}; stages, p50 in ms: {stages}"


class StageClock:
    """How long the stages of one call took, in order: each lap is the time since the last one.

    Examples:
        >>> clock = StageClock()
        >>> clock.start()
        >>> clock.lap("decode")
        >>> list(clock.seconds)
        ['decode']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def start(self) -> None:
        """Forget the stages of the last call, and begin the first stage now."""
        self.seconds = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End `stage` now."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now
