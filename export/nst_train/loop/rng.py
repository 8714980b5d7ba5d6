"""The random numbers of a step: the same whenever it is taken, so that a resumed run is the same run."""

import torch


def rng_of(seed: int, step: int) -> torch.Generator:
    """A generator, on the CPU, for what is drawn in one step of a run."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)
