"""The photograph's own colours under the style's brushwork: luminance-only transfer (Gatys et al. 2016, 1606.05897)."""

import numpy as np
from nst_export.onnx_graph.graph_ends import LUMINANCE
from nst_rt.errors import StyleError

from nst_train.data.images import Rgb


def keep_colors(stylised: Rgb, photograph: Rgb, color: float) -> Rgb:
    """What the model contract's input `color` does, without its clipping.

    A colour too bright or too dark to be shown becomes paler; clipped channel by channel, as a graph does it for the
    sake of speed, its hue would turn.

    Args:
        stylised, photograph: uint8 RGB (H, W, 3).
        color: 1 leaves the stylised image as it is, 0 takes only its brightness.
    """
    if color == 1:
        return stylised
    brightness = stylised @ LUMINANCE[::-1]
    colors = color * stylised + (1 - color) * photograph.astype(np.float32)
    colors -= (colors @ LUMINANCE[::-1])[..., None]  # what a pixel is beside its brightness
    room = np.where(colors > 0, 255 - brightness[..., None], brightness[..., None])
    paler = (room / np.maximum(np.abs(colors), 1e-3)).min(2).clip(0, 1)
    mixed: Rgb = (brightness[..., None] + paler[..., None] * colors).round().clip(0, 255).astype(np.uint8)
    return mixed


def check_color(color: float) -> None:
    """Raise StyleError unless `color` is between 0 and 1."""
    if not 0 <= color <= 1:
        raise StyleError(f"color {color:g} is out of range. Give a number from 0 to 1")
