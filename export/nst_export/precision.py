"""Keeping fp16 in range: powers of two moved between weights, so that no activation overflows.

fp16 ends at 65504. What a network computes is not changed: instance normalisation takes any offset off and divides
any scale out again (its epsilon is scaled along), and convolutions, ReLU, max-pooling and upsampling pass a scale on
to the next layer. The factors are powers of two, so that no weight loses a bit.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from nst_rt.errors import ModelError
from torch import Tensor, nn

from nst_export.networks.conditional import ConditionalTransformer
from nst_export.networks.layers import ConditionalInstanceNorm2d
from nst_export.networks.noise import FixedNoise

LIMIT = 65504.0
MARGIN = 4.0
"""Activations may grow this many times beyond the largest one that was measured."""
SMALL_WEIGHT = 2.0**-6
"""Kernels whose largest weight is smaller are scaled up where that is free: fp16 loses bits below 2**-14."""

Norm = nn.InstanceNorm2d | ConditionalInstanceNorm2d


@contextmanager
def largest_outputs(network: nn.Module) -> Iterator[dict[nn.Module, float]]:
    """Collects, while the network runs, the largest absolute output of each of its modules without children."""
    largest: dict[nn.Module, float] = {}

    def watch(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        largest[module] = max(largest.get(module, 0.0), float(output.detach().abs().max()))

    leaves = [module for module in network.modules() if not list(module.children())]
    handles = [module.register_forward_hook(watch) for module in leaves]
    try:
        yield largest
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def stored_as_fp16(network: nn.Module) -> Iterator[None]:
    """Runs the network as an fp16 device does: weights and every module's output rounded to fp16, sums in float32.

    ONNX Runtime's CPU kernels widen fp16 models to float32 throughout and so would hide an overflow.
    """

    def rounded(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output.half().float()

    saved = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    handles = [module.register_forward_hook(rounded) for module in network.modules() if not list(module.children())]
    try:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(parameter.half().float())
        yield
    finally:
        for handle in handles:
            handle.remove()
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                parameter.copy_(saved[name])


def factor_for(largest: float) -> float:
    """The smallest power of two, from 1 up, that brings `largest` into range with the margin."""
    if not math.isfinite(largest):
        raise ModelError("the network computes NaN or infinity in float32 already: the checkpoint is damaged")
    return 2.0 ** max(0, math.ceil(math.log2(max(largest, 1.0) * MARGIN / LIMIT)))


def divide(conv: nn.Conv2d, factor: float, incoming: float = 1.0) -> None:
    """Make a convolution whose input is divided by `incoming` produce its output divided by `factor`."""
    with torch.no_grad():
        conv.weight.mul_(incoming / factor)
        if conv.bias is not None:
            conv.bias.div_(factor)


def divide_normalised(conv: nn.Conv2d, noise: FixedNoise | None, norm: Norm, factor: float) -> set[nn.Module]:
    """Divide what a normalisation reads by `factor`, a convolution's output and the noise that is added to it, so that
    the normalisation gives the same. Returns the modules whose output is divided."""
    divide(conv, factor)
    norm.eps /= factor**2
    if noise is None:
        return {conv}
    with torch.no_grad():
        noise.weight.div_(factor)
    return {conv, noise}


def normalised_convolutions(network: nn.Module) -> Iterator[tuple[nn.Conv2d, Norm]]:
    """Pairs of a convolution and the normalisation that is the only reader of its output."""
    if isinstance(network, ConditionalTransformer):
        # up_quarter is not among them: the skip is added before its normalisation. See `rescale_skip`.
        yield network.stem, network.stem_norm
        yield network.down, network.down_norm
        for block in network.trunk:
            yield block.conv1, block.norm1  # type: ignore[misc]  # ModuleList's elements are Module to mypy
            yield block.conv2, block.norm2  # type: ignore[misc]
        yield network.up_half.conv, network.up_half_norm
        return
    waiting: nn.Conv2d | None = None
    # In registration order a convolution of these networks is followed by its own normalisation.
    for module in network.modules():
        if isinstance(module, nn.InstanceNorm2d) and waiting is not None:
            yield waiting, module
        if not list(module.children()):
            waiting = module if isinstance(module, nn.Conv2d) else None


def center_normalised(network: nn.Module, show: Callable[[], None]) -> None:
    """Take its average off every channel before an instance normalisation, which would subtract it anyway.

    fp16 keeps eleven bits of the whole number: what is spent on a large constant is missing in the differences.

    Args:
        network: changed in place, computes the same as before.
        show: runs the network on sample images.
    """
    sums: dict[nn.Module, tuple[Tensor, int]] = {}

    def watch(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        total, count = sums.get(module, (torch.zeros(output.shape[1]), 0))
        sums[module] = total + output.detach().mean(dim=(2, 3)).sum(dim=0), count + output.shape[0]

    convs = [conv for conv, _ in normalised_convolutions(network)]
    handles = [conv.register_forward_hook(watch) for conv in convs]
    try:
        show()
    finally:
        for handle in handles:
            handle.remove()
    with torch.no_grad():
        for conv in convs:
            total, count = sums[conv]
            bias = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias
            conv.bias = nn.Parameter(bias - total / count, requires_grad=False)


def rescale_normalised(network: nn.Module, largest: dict[nn.Module, float]) -> None:
    """Bring every convolution before an instance normalisation into fp16's range, exactly.

    Raises:
        ModelError: when something that cannot be rescaled this way is out of range.
    """
    scaled: set[nn.Module] = set()
    for conv, norm in normalised_convolutions(network):
        noise = network.down_noise if isinstance(network, ConditionalTransformer) and conv is network.down else None
        reached = largest[conv] + (largest[noise] if noise else 0.0)  # what is added to it grows and shrinks with it
        factor = factor_for(reached)
        weight = float(conv.weight.detach().abs().max())
        if factor == 1.0 and 0 < weight < SMALL_WEIGHT:
            room = LIMIT / MARGIN / 16 / max(reached, 1e-6)
            factor = 2.0 ** -max(0, math.floor(min(-math.log2(weight), math.log2(max(room, 1.0)))))
        scaled |= divide_normalised(conv, noise, norm, factor)
    if isinstance(network, ConditionalTransformer):
        scaled |= rescale_skip(network, largest)
    for module, value in largest.items():
        if module not in scaled and factor_for(value) > 1:
            raise ModelError(
                f"an activation of {type(module).__name__} reaches {value:.3g}, too close to fp16's {LIMIT:.0f}, and "
                "no normalisation follows that would let it be rescaled. Export with --precision fp32"
            )


def rescale_skip(network: ConditionalTransformer, largest: dict[nn.Module, float]) -> set[nn.Module]:
    """Bring the sum at 1/4 into range, exactly: its convolution, its noise and the skip, before their normalisation.

    Returns:
        The modules that were brought into range.
    """
    conv, noise = network.up_quarter.conv, network.up_quarter_noise
    factor = factor_for(largest[conv] + largest[noise] + largest[network.stem_norm])
    if factor > 1:
        divide_normalised(conv, noise, network.up_quarter_norm, factor)
        network.skip_scale /= factor
    return {conv, noise}


def rescale_chain(layers: nn.Sequential, largest: dict[nn.Module, float], incoming: float, outgoing: float) -> None:
    """Bring a chain of convolutions, ReLUs, pools and upsamplings into range.

    Args:
        layers: changed in place.
        largest: what each layer reached, unscaled.
        incoming: the chain's input arrives divided by this.
        outgoing: the chain's output is to leave divided by this.
    """
    convs = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    for conv in convs:
        factor = outgoing if conv is convs[-1] else factor_for(largest[conv])
        divide(conv, factor, incoming)
        incoming = factor


def bring_into_range(network: nn.Module, show: Callable[[], None]) -> None:
    """Centre and rescale every convolution before an instance normalisation, exactly, by what it reaches.

    Args:
        network: changed in place.
        show: runs the network on every image that counts.

    Raises:
        ModelError: when something that cannot be rescaled this way is out of range.
    """
    center_normalised(network, show)
    with largest_outputs(network) as largest:
        show()
    rescale_normalised(network, largest)
