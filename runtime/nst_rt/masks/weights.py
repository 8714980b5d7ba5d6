"""The weights of a mask's regions: resized, softened at the edges, and used to blend images.

Weights are float32 (height, width), one array for a region, between 0 and 1; at every pixel they add up to 1.
"""

import logging
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import Frame

log = logging.getLogger("nst_rt")

Weights = list[NDArray[np.float32]]

FEATHER_SHARE = 0.02
"""The default width of a soft edge, as a share of the image's short side."""


def feather_for(weights: Weights, feather: float | None) -> float | None:
    """The given width of soft edges; else 0 where the weights are soft already, and None for the default width."""
    if feather is None and np.mean((weights[0] > 0.1) & (weights[0] < 0.9)) > 0.02:
        return 0.0
    return feather


def resized(weights: Weights, height: int, width: int) -> Weights:
    """Weights for an image of another size; enlarged edges become soft, without steps."""
    if weights[0].shape == (height, width):
        return weights
    smaller = height * width < weights[0].size
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return [np.asarray(cv2.resize(weight, (width, height), interpolation=way), np.float32) for weight in weights]


def tell_resizing(name: str, weights: Weights, height: int, width: int) -> None:
    """Warn if a mask has another size than the frames."""
    own_height, own_width = weights[0].shape
    if (own_height, own_width) != (height, width):
        log.warning("%s: %dx%d px, resized to the image's %dx%d", name, own_width, own_height, width, height)


def feathered(weights: Weights, feather: float | None) -> Weights:
    """Weights with edges that go from one region to the other in `feather` pixels; None: 2 % of the short side."""
    if feather is None:
        feather = FEATHER_SHARE * min(weights[0].shape)
    side = round(feather / 2)
    if side < 2:
        return weights
    # Two box blurs, whose centres are on either side of the middle where the box is even: a quick smooth step that
    # ends. Blurring is linear, so that the weights still add up to 1.
    anchors = (side // 2, side // 2), ((side - 1) // 2, (side - 1) // 2)
    soft = weights
    for anchor in anchors:
        soft = [
            np.asarray(cv2.blur(weight, (side, side), anchor=anchor, borderType=cv2.BORDER_REPLICATE), np.float32)
            for weight in soft
        ]
    return soft


def blended(images: Sequence[Frame], weights: Weights) -> Frame:
    """The weighted sum of images uint8 (height, width, 3); where a weight is 1, exactly that image."""
    image, total = images[0], weights[0]
    for other, weight in zip(images[1:], weights[1:], strict=True):
        image = np.asarray(cv2.blendLinear(image, other, total, weight), np.uint8)
        total = total + weight
    return image
