"""How much a measurement wavers by itself: what a difference has to exceed to mean something."""

import statistics
from collections.abc import Sequence

import numpy as np

PARTS = 8
"""Equal parts that a run is cut into, so that slow drifts count as noise and single slow frames do not."""


def relative_noise(medians: Sequence[float]) -> float | None:
    """How far medians of the same thing lie apart: half the distance between their quartiles, over their median.

    None with fewer than three, which say nothing.
    """
    if len(medians) < 3:
        return None
    low, middle, high = (float(value) for value in np.percentile(medians, (25, 50, 75)))
    return round((high - low) / 2 / middle, 4) if middle else None


def noise_of_run(seconds: Sequence[float]) -> float | None:
    """`relative_noise` of the medians of a run's `PARTS` parts, in the order in which they were measured."""
    parts = [part for part in np.array_split(np.asarray(seconds), PARTS) if part.size]
    return relative_noise([statistics.median(part.tolist()) for part in parts])
