"""Which convolutions are quantised: as many as the image bears."""

from collections.abc import Callable, Collection, Sequence

from nst_export.quantization.convolutions import Convolution


def without_ends(convolutions: Sequence[Convolution]) -> list[Convolution]:
    """All but the first and the last: with few channels on one side, integers save them no time."""
    return list(convolutions[1:-1])


def choose(
    convolutions: Sequence[Convolution],
    harm: Callable[[Convolution], float],
    good: Callable[[Sequence[Convolution]], bool],
) -> list[Convolution]:
    """The convolutions that are good enough together; those that hurt most for what they save are left out first.

    Args:
        harm: the images' mean square error with one convolution quantised; asked once for each, if all are too much.
        good: whether the images bear a choice.

    Returns:
        In the given order; none where not even the last one alone is good enough.
    """
    chosen = list(convolutions)
    if good(chosen):
        return chosen
    price = {entry.name: harm(entry) / entry.multiplications for entry in chosen}
    while chosen:
        chosen.remove(max(chosen, key=lambda entry: price[entry.name]))
        if chosen and good(chosen):
            break
    return chosen


def names(convolutions: Collection[Convolution]) -> list[str]:
    """The names of their nodes, without what exporters put behind all of them."""
    return [entry.name.removesuffix("/conv") for entry in convolutions]
