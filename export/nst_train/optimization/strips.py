"""A large image as horizontal strips whose feature maps are those of the whole image, row for row."""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_PIXELS = 1 << 18
"""Of a strip. A VGG keeps about half a gigabyte of float32 feature maps for the gradient of so many pixels."""


@dataclass(frozen=True)
class Strip:
    """Rows of an image: `first` to `last` are looked at, of which `top` to `bottom` count."""

    first: int
    last: int
    top: int
    bottom: int
    ends: bool
    """It reaches the image's last row."""

    def rows(self, layer: str) -> slice:
        """The rows of a layer's feature maps that count."""
        step = spacing(layer)
        return slice((self.top - self.first) // step, None if self.ends else (self.bottom - self.first) // step)


def strips(height: int, width: int, layers: Sequence[str], max_pixels: int = MAX_PIXELS) -> list[Strip]:
    """Strips of at most about `max_pixels`, with margins as wide as the deepest layer looks.

    An image of up to twice as many pixels stays whole: what is in strips is computed twice for the gradient.

    Args:
        height, width: of the image.
        layers: of the loss network, from the first to the deepest that is wanted.
    """
    if height * width <= 2 * max_pixels:
        return [Strip(0, height, 0, height, ends=True)]
    step = spacing(layers[-1])
    reach = sum(spacing(layer) for layer in layers)  # a 3x3 convolution sees one row of its input to either side
    margin = -(-reach // step) * step
    rows = max(2 * margin, max_pixels // width // step * step)
    starts = list(range(0, height, rows))
    if len(starts) > 1 and height - starts[-1] < 2 * margin:  # hardly worth a strip
        starts.pop()
    return [
        Strip(max(0, top - margin), min(height, bottom + margin), top, bottom, ends=bottom == height)
        for top, bottom in zip(starts, [*starts[1:], height], strict=True)
    ]


def spacing(layer: str) -> int:
    """Pixels from one row of a layer's feature maps to the next: `relu3_1` comes after two poolings, so 4."""
    return 1 << (int(layer.removeprefix("relu").partition("_")[0]) - 1)
