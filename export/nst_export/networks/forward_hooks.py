"""Looking at what the modules of a network compute while it runs, or changing it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def forward_hooks(modules: Iterable[nn.Module], hook: Callable[..., Any]) -> Iterator[None]:
    """Within the block, every run of one of the modules calls `hook` with the module, its inputs and its output.

    Args:
        hook: what it returns, if it is not None, takes the place of the output.
    """
    handles = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
