"""How images are to be stylised: the options that all jobs have in common."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class StylizerOptions:
    """Style, look, mask and device, as they are given; `StyleRequest.read` checks that they fit together.

    A job that has no use for an option ignores it.

    Examples:
        >>> StylizerOptions(style="gogh:0.7+wave:0.3", strength=0.5).device
        'auto'
    """

    style: str | None = None
    """A style's name, a blend `gogh:0.7+wave:0.3`, a painting's file, or a model file whose style is baked in.
    Left out: the model's first style."""
    model: str | None = None
    """A model's name or .onnx file. Left out: the model that `style` is, else the built-in network."""
    strength: float = 1.0
    """0 is the photograph, 1 the full style."""
    color: float = 1.0
    """1 takes the style's colours, 0 keeps the photograph's."""
    stroke_size: float = 1.0
    """Size of the strokes, from 0.25 to 8 times the usual one."""
    match_colors: str = "none"
    """How a painting gets the photograph's colours before its style is read: `none`, `cholesky` or `analogies`. In a
    video or a live source these are the first frame's."""
    timeline: str | None = None
    """Styles by time, in place of `style`: `0s gogh, 5s wave, fade 1s`. For videos, pipes and live sources."""
    mask: Path | None = None
    """An image that says where the style goes; for videos it may be a video."""
    outside: str | None = None
    """The style outside the mask. Left out, or `none`: the image as it is."""
    regions: str | None = None
    """Styles by the mask's grey levels or colours: `0=gogh, 128=wave, #ff0000=monet, other=none`."""
    feather: float | None = None
    """Width of the mask's soft edges in pixels. Left out: 2 % of the short side."""
    device: str = "auto"
    """`auto` is a preference; `cpu`, `cuda[:N]`, `tensorrt[:N]` and `openvino` are demands."""
    precision: str = "auto"
    """`auto`, `fp32`, `fp16`, `int8` or `bf16`, see `Stylizer.load`."""
    threads: int | None = None
    """CPU threads of the network. Left out: all physical cores."""
    in_flight: int | None = None
    """Frames of a video, or images of a folder, that are stylised at once. Left out: as many as serve."""
