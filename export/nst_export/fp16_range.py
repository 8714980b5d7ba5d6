"""Keeps a network within fp16's range: weights are multiplied by powers of two, so that no activation overflows.

fp16 ends at 65504. The network computes the same as before: an instance normalisation removes every offset and every
scale (its epsilon is scaled too), and convolutions, ReLU, max-pooling and upsampling pass a scale on to the next layer.
The factors are powers of two, so that no weight loses a bit.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from nst_rt.errors import ModelError
from torch import Tensor, nn

from nst_export.networks.conditional_layers import ConditionalInstanceNorm2d
from nst_export.networks.conditional_network import ConditionalTransformer
from nst_export.networks.forward_hooks import forward_hooks
from nst_export.networks.noise import FixedNoise

LIMIT = 65504.0
MARGIN = 4.0
"""Activations may become this many times as large as the largest one that was measured."""
SMALL_WEIGHT = 2.0**-6
"""Kernels whose largest weight is smaller are scaled up where that costs nothing: fp16 loses bits below 2**-14."""

Inputs = Sequence[tuple[Tensor, ...]]
"""Arguments of a network, one tuple for each run."""

Norm = nn.InstanceNorm2d | ConditionalInstanceNorm2d


@contextmanager
def largest_outputs(network: nn.Module) -> Iterator[dict[nn.Module, float]]:
    """Within the block, every run of the network updates the largest absolute output of each leaf module."""
    largest: dict[nn.Module, float] = {}

    def watch(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        largest[module] = max(largest.get(module, 0.0), float(output.detach().abs().max()))

    with forward_hooks(_leaves(network), watch):
        yield largest


def _leaves(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if not list(module.children())]


@contextmanager
def stored_as_fp16(network: nn.Module) -> Iterator[None]:
    """Within the block, the network computes as an fp16 device does: weights and the outputs of all modules are rounded
    to fp16, sums are float32.

    ONNX Runtime's CPU kernels widen fp16 models to float32 everywhere, which would hide an overflow.
    """

    def rounded(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output.half().float()

    saved = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    try:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(parameter.half().float())
        with forward_hooks(_leaves(network), rounded):
            yield
    finally:
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                parameter.copy_(saved[name])


def factor_for(largest: float) -> float:
    """The smallest power of two from 1 up by which `largest` has to be divided to be in range, with the margin.

    Raises:
        ModelError: `largest` is NaN or infinite.
    """
    if not math.isfinite(largest):
        raise ModelError("the network computes NaN or infinity in float32 already: the checkpoint is damaged")
    return 2.0 ** max(0, math.ceil(math.log2(max(largest, 1.0) * MARGIN / LIMIT)))


def divide(conv: nn.Conv2d, factor: float, incoming: float = 1.0) -> None:
    """Divide a convolution's output by `factor`, where its input is already divided by `incoming`; in place."""
    with torch.no_grad():
        conv.weight.mul_(incoming / factor)
        if conv.bias is not None:
            conv.bias.div_(factor)


def divide_normalised(conv: nn.Conv2d, noise: FixedNoise | None, norm: Norm, factor: float) -> set[nn.Module]:
    """Divide the input of a normalisation by `factor`: a convolution's output and the noise that is added to it. The
    normalisation's result stays the same. Returns the modules whose output is divided."""
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
        # Without up_quarter, because the skip is added before its normalisation: see `rescale_skip`.
        yield network.stem, network.stem_norm
        yield network.down, network.down_norm
        for block in network.trunk:
            yield block.conv1, block.norm1  # type: ignore[misc]  # ModuleList's elements are Module to mypy
            yield block.conv2, block.norm2  # type: ignore[misc]
        yield network.up_half.conv, network.up_half_norm
        return
    waiting: nn.Conv2d | None = None
    # In these networks a convolution is registered right before its own normalisation.
    for module in network.modules():
        if isinstance(module, nn.InstanceNorm2d) and waiting is not None:
            yield waiting, module
        if not list(module.children()):
            waiting = module if isinstance(module, nn.Conv2d) else None


def center_normalised(network: nn.Module, inputs: Inputs) -> None:
    """Subtract from every channel before an instance normalisation its average, which the normalisation would subtract.

    fp16 keeps eleven bits of a number: those that a large constant takes are missing in the differences.

    Args:
        network: changed in place; computes the same as before.
        inputs: to measure the averages on.
    """
    convs = [conv for conv, _ in normalised_convolutions(network)]
    with _channel_means(convs) as means:
        _run(network, inputs)
    with torch.no_grad():
        for conv in convs:
            bias = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias
            conv.bias = nn.Parameter(bias - sum(means[conv]) / len(means[conv]), requires_grad=False)


@contextmanager
def _channel_means(modules: Sequence[nn.Module]) -> Iterator[dict[nn.Module, list[Tensor]]]:
    """Within the block, every run of a network adds the channel means (C,) of each module's output."""
    means: dict[nn.Module, list[Tensor]] = {module: [] for module in modules}

    def watch(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        means[module].append(output.detach().mean(dim=(2, 3)).mean(dim=0))

    with forward_hooks(modules, watch):
        yield means


def _run(network: nn.Module, inputs: Inputs) -> None:
    with torch.no_grad():
        for arguments in inputs:
            network(*arguments)


def rescale_normalised(network: nn.Module, largest: dict[nn.Module, float]) -> None:
    """Bring every convolution before an instance normalisation into fp16's range; the network computes the same.

    Args:
        network: changed in place.
        largest: the largest absolute output of each module, see `largest_outputs`.

    Raises:
        ModelError: an activation is out of range, and no normalisation follows.
    """
    scaled: set[nn.Module] = set()
    for conv, norm in normalised_convolutions(network):
        noise = network.down_noise if isinstance(network, ConditionalTransformer) and conv is network.down else None
        reached = largest[conv] + (largest[noise] if noise else 0.0)  # the noise is scaled with it
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
                "cannot be rescaled because no normalisation follows. Export in fp32",
                parameter="precision",
            )


def rescale_skip(network: ConditionalTransformer, largest: dict[nn.Module, float]) -> set[nn.Module]:
    """Bring the sum at 1/4 into range, which is its convolution, its noise and the skip, before their normalisation.

    Returns:
        The modules that are in range now.
    """
    conv, noise = network.up_quarter.conv, network.up_quarter_noise
    factor = factor_for(largest[conv] + largest[noise] + largest[network.stem_norm])
    if factor > 1:
        divide_normalised(conv, noise, network.up_quarter_norm, factor)
        network.skip_scale /= factor
    return {conv, noise}


def rescale_chain(layers: nn.Sequential, largest: dict[nn.Module, float], incoming: float, outgoing: float) -> None:
    """Bring a chain of convolutions, ReLUs, poolings and upsamplings into range.

    Args:
        layers: changed in place.
        largest: the largest absolute output of each layer before scaling.
        incoming: the chain's input is divided by this.
        outgoing: the chain's output has to be divided by this.
    """
    convs = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    for conv in convs:
        factor = outgoing if conv is convs[-1] else factor_for(largest[conv])
        divide(conv, factor, incoming)
        incoming = factor


def bring_into_range(network: nn.Module, inputs: Inputs) -> None:
    """Centre and rescale every convolution before an instance normalisation; the network computes the same as before.

    Args:
        network: changed in place.
        inputs: images, and whatever else the network takes, on which the activations are measured.

    Raises:
        ModelError: an activation is out of range, and no normalisation follows.
    """
    center_normalised(network, inputs)
    with largest_outputs(network) as largest:
        _run(network, inputs)
    rescale_normalised(network, largest)
