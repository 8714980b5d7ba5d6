"""Which values the tensors of a graph take on images."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from nst_export.quantization.convolutions import Convolution
from nst_export.quantization.observing import observe
from nst_export.quantization.steps import Steps, steps_of_least_loss

KEPT_VALUES = 20_000
"""Values of a tensor that are looked at, drawn from every run."""


def calibrate(
    model: onnx.ModelProto, convolutions: Sequence[Convolution], runs: Iterable[Mapping[str, NDArray[Any]]]
) -> dict[str, Steps]:
    """Steps for what the convolutions read, one for the whole tensor, and for what they write, one for each channel.

    Args:
        model: in fp32.
        runs: the inputs of the model, for every run.

    Returns:
        By the tensor's name, for the source and the landing of every convolution.
    """
    by_channel = {convolution.landing for convolution in convolutions}
    names = dict.fromkeys(name for entry in convolutions for name in (entry.source, entry.landing))
    samples: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    ends: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    random = np.random.default_rng(0)
    for tensors in observe(model, list(names), runs):
        for name, values in tensors.items():
            channels = values.shape[1] if name in by_channel else 1
            rows = np.moveaxis(values, 1, 0).reshape(channels, -1)
            count = max(1, min(rows.size, KEPT_VALUES) // channels)
            samples[name].append(rows[:, random.integers(0, rows.shape[1], count)])
            ends[name].append(np.stack([rows.min(1), rows.max(1)]))
    return {
        name: steps_of_least_loss(
            np.concatenate(samples[name], axis=1), np.min(ends[name], axis=0)[0], np.max(ends[name], axis=0)[1]
        )
        for name in names
    }
