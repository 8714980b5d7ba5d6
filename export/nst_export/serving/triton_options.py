"""The options of a model repository for Triton."""

from dataclasses import dataclass
from typing import Literal

Variant = Literal["cpu", "openvino", "cuda", "tensorrt"]
ServedPrecision = Literal["auto", "fp32", "fp16", "int8"]

Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class TritonOptions:
    """How a model is served.

    Examples:
        >>> TritonOptions(variants=("cuda",), max_batch=4).precision
        'auto'
    """

    name: str | None = None
    """The model that clients call; the file's name if None."""
    variants: tuple[Variant, ...] = ("cpu",)
    """Where the network runs; clients get the first."""
    precision: ServedPrecision = "auto"
    """`auto` takes the fp16 file on GPUs if there is one, else the fp32 file."""
    size: Size | None = None
    """Height and width of the only frame size that is served; every size if None, which TensorRT does not support."""
    max_batch: int = 8
    """Frames of one size that run together, from one or several clients."""
    queue_delay: float = 0.0
    """Milliseconds that a frame may wait for others to run together with; at 0 only frames that are already waiting run
    together."""
    instances: int = 1
    """Copies of the network that run at the same time, on each GPU or on the CPU."""
    threads: int = 0
    """CPU threads of each instance; 0 is one for each core."""
    storage_uri: str | None = None
    """Where KServe finds the repository; a claim called nst-rt if None."""
    overwrite: bool = False
    """Replace what an earlier export wrote for the same name."""
