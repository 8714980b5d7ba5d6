"""The spike loss: against the glowing blobs that instance normalisation invites.

A network that normalises every channel can still choose what the channel looks like elsewhere: it paints one huge value
into some smooth corner, and the statistics follow. Karras et al. 2020 ("Analyzing and Improving the Image Quality of
StyleGAN", section 2) describe these droplets and remove the normalisation; here the huge values are what is penalised.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from nst_export.networks.conditional_layers import ConditionalInstanceNorm2d
from nst_export.networks.forward_hooks import forward_hooks
from torch import Tensor, nn

LIMIT = 4.5
"""Deviations from a channel's mean that nothing is said against in a crop; a whole photograph reaches half as much
again."""


@contextmanager
def watched_spikes(network: nn.Module) -> Iterator[list[Tensor]]:
    """Collects one scalar for every conditional normalisation that runs: the mean squared excess over `LIMIT`."""
    found: list[Tensor] = []

    def watch(module: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        assert isinstance(module, ConditionalInstanceNorm2d)
        excess = (module.normalised(inputs[0]).abs() - LIMIT).relu()
        found.append(excess.square().mean())

    norms = [module for module in network.modules() if isinstance(module, ConditionalInstanceNorm2d)]
    with forward_hooks(norms, watch):
        yield found


def spike_error(found: list[Tensor]) -> Tensor:
    """Sum over the normalisations: a scalar."""
    return torch.stack(found).sum()
