"""The options that every export of a checkpoint has."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PrecisionChoice = Literal["fp32", "fp16", "both"]


@dataclass(frozen=True)
class ExportOptions:
    """How a checkpoint becomes model files.

    Examples:
        >>> ExportOptions(precision="fp32", license="CC BY 4.0").controls
        True
    """

    precision: PrecisionChoice = "both"
    """fp32 for CPUs, fp16 for GPUs, or a file of each: `OUT.onnx` and `OUT.fp16.onnx`."""
    style_name: str = ""
    """Name of a style that is baked in; empty: the name of the output."""
    photographs: Path | None = None
    """Folder of images to check the export on; drawn ones if None."""
    license: str = "unknown"
    """Licence of the weights, for the model's record."""
    controls: bool = True
    """Give the graph the inputs `strength` and `color`; without them it is a little faster."""
    phases: bool = True
    """Use the rewrites of `nst_export.onnx_graph.phases`, which compute the same with less work."""
    overwrite: bool = False
    """Replace files that exist, and remove files of another network that would be used with the new ones."""
