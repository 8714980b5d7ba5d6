"""How much a measurement varies by itself: a difference has to be larger to mean something."""

import statistics
from collections.abc import Sequence

import numpy as np

PARTS = 8
"""Equal parts of a run. Their medians show a slow drift as noise, and hide single slow frames."""


def relative_noise(medians: Sequence[float]) -> float | None:
    """The spread of medians of the same thing: half the distance between their quartiles, over their median.

    None for fewer than three medians, which tell nothing.
    """
    if len(medians) < 3:
        return None
    low, middle, high = (float(value) for value in np.percentile(medians, (25, 50, 75)))
    return round((high - low) / 2 / middle, 4) if middle else None


def noise_of_run(seconds: Sequence[float]) -> float | None:
    """`relative_noise` of the medians of a run's `PARTS` parts, in the order in which they were measured."""
    parts = [part for part in np.array_split(np.asarray(seconds), PARTS) if part.size]
    return relative_noise([statistics.median(part.tolist()) for part in parts])
