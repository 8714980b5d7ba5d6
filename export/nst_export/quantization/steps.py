"""How eight bits are spread over the values of a tensor."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SHARES = np.geomspace(1, 0.03, 24).astype(np.float32)
"""Of the way from zero to the lowest and to the highest value: what is tried."""

_LEAST_SCALE = 1e-8


@dataclass(frozen=True)
class Steps:
    """Scales and zero points of a tensor's channels: a byte q stands for (q - zero) * scale."""

    scale: NDArray[np.float32]
    """(channels,)"""
    zero: NDArray[np.uint8]
    """(channels,). Zero always is one of the bytes, so that Relu and zero padding stay exact."""

    @classmethod
    def between(cls, low: NDArray[np.float32], high: NDArray[np.float32]) -> "Steps":
        """256 steps from `low` (channels,) to `high`, or from and to zero where that lies outside."""
        low, high = np.minimum(low, 0), np.maximum(high, 0)
        scale = np.maximum((high - low) / 255, _LEAST_SCALE).astype(np.float32)
        return cls(scale, np.clip(np.rint(-low / scale), 0, 255).astype(np.uint8))

    def restore(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is left of values (channels, n) once they were bytes."""
        scale, zero = self.scale[:, None], self.zero[:, None].astype(np.float32)
        restored: NDArray[np.float32] = (np.clip(np.rint(values / scale) + zero, 0, 255) - zero) * scale
        return restored


def steps_of_least_loss(values: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]) -> Steps:
    """The steps that make the least mean square error for each channel.

    Far values are worth cutting off where all others gain more by finer steps.

    Args:
        values: (channels, n), a fair sample.
        low, high: (channels,), the lowest and the highest value that there was.
    """
    furthest = np.stack([low, high])
    ends, channels = furthest, np.arange(len(values))
    # One end after the other, twice: activations are seldom symmetric, and each end's best depends on the other.
    for moved in ([[True], [False]], [[False], [True]]) * 2:
        candidates = [np.where(moved, furthest * share, ends) for share in _SHARES]
        losses = [np.square(Steps.between(*tried).restore(values) - values).mean(1) for tried in candidates]
        ends = np.stack(candidates)[np.argmin(losses, axis=0), :, channels].T
    return Steps.between(*ends)
