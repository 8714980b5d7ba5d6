"""The learning rate over a run."""

import math

FLOOR = 0.01
"""The cosine ends at this part of the learning rate, so that a run that goes on a little still learns."""


def learning_rate(step: int, steps: int, warm_up: int) -> float:
    """Multiple of the learning rate at a step counted from 0: linear warm-up, times a cosine from 1 down to 0.01."""
    rise = min(1.0, (step + 1) / warm_up) if warm_up else 1.0
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(step, steps) / steps)
    return max(rise * cosine, FLOOR)
