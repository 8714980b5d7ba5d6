"""What a torch network makes of images: the reference that its graphs are compared with."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nst_export.parity.sample_images import Image

StylizingFunction = Callable[[Tensor], Tensor]
"""Images (N, 3, H, W) to stylised images of at least that size, in one colour order and value range."""


def image_tensor(frame: Image, white: float, stride: int = 1, bgr: bool = False) -> Tensor:
    """A frame as a torch network reads it.

    Args:
        frame: uint8 (H, W, 3) BGR.
        white: the network reads values in [0, white].
        stride: the image is reflected at the bottom and at the right up to multiples of this.
        bgr: the network reads BGR; RGB if not.

    Returns:
        float32 (1, 3, H', W').
    """
    height, width = frame.shape[:2]
    value = torch.from_numpy(np.array(frame)).permute(2, 0, 1)[None].float() * (white / 255)
    if not bgr:
        value = value.flip(1)
    if stride > 1:
        value = functional.pad(value, (0, -width % stride, 0, -height % stride), mode="reflect")
    return value


def stylise_in_torch(
    network: StylizingFunction, frame: Image, white: float, stride: int = 1, bgr: bool = False
) -> Image:
    """A frame through a torch network, as the model contract defines it: uint8 (H, W, 3) BGR in and out.

    Args:
        network: reads and writes float32 (1, 3, H', W').
        frame, white, stride, bgr: see `image_tensor`.
    """
    height, width = frame.shape[:2]
    with torch.no_grad():
        value = network(image_tensor(frame, white, stride, bgr))[0, :, :height, :width]
    if not bgr:
        value = value.flip(0)
    value = (value * (255 / white)).nan_to_num(nan=0.0).clamp(0, 255).round()
    stylised: Image = value.permute(1, 2, 0).contiguous().to(torch.uint8).numpy()
    return stylised


def encode_in_torch(encode: Callable[[Tensor], Tensor], image: Image) -> Tensor:
    """The style vector float32 (1, S) of a uint8 BGR image, by a network that reads RGB (1, 3, H, W) in [0, 1]."""
    rgb = torch.from_numpy(np.array(image)).flip(2).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        return encode(rgb)
