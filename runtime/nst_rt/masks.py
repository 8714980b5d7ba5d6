"""Masks: how much of each region is at each pixel, from a picture of labels or of light and dark.

Weights are float32 (height, width), one array for a region, between 0 and 1; at every pixel they add up to 1.
"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import InputError
from nst_rt.pixels import Image
from nst_rt.regions import Label, label_list, label_text
from nst_rt.sources.picture import read_picture

log = logging.getLogger("nst_rt")

Weights = list[NDArray[np.float32]]

FEATHER_SHARE = 0.02
"""Width of a soft edge, as a share of the picture's short side, where nobody gave one."""

_FEW = 64
"""A picture of labels has this many colours at most; one with more was smoothed or compressed."""
_STRAY = 0.005
"""Share of a mask's pixels that may have colours which nobody named: smoothed edges."""
_NEAR = 48
"""Steps, in the channel that differs most, up to which a colour of a smoothed mask counts as a label's."""
_UNKNOWN = -1
_NOISE = 12
"""Steps by which a codec may miss black and white."""
_KEPT_SIZES = 4
_LISTED = 12
"""Labels that an error lists, the largest."""


class Mask(Protocol):
    """Gives the weights for one frame after another."""

    name: str

    @property
    def count(self) -> int:
        """How many regions it has."""
        ...

    def weights(self, height: int, width: int) -> Weights:
        """Of the regions, in order, for the next frame."""
        ...


class StillMask:
    """A mask for every frame of every size.

    Args:
        weights: float32 (height, width) for each region, adding up to 1; see `inside_and_outside` and `labelled`.
        feather: width of the soft edges in pixels of the frame; 2 % of its short side if left out, and nothing where
            the mask is soft by itself.
        name: for messages.
    """

    def __init__(self, weights: Weights, *, feather: float | None = None, name: str = "the mask") -> None:
        self.name = name
        self._weights, self._feather = weights, feather_for(weights, feather)
        self._fitted: OrderedDict[tuple[int, int], Weights] = OrderedDict()

    @classmethod
    def read(cls, path: str | Path, labels: Sequence[Label] = (), *, feather: float | None = None) -> "StillMask":
        """A mask from a picture file.

        Args:
            labels: of the regions; left out, there are two regions: light (or opaque) is inside, dark outside.

        Raises:
            InputError: not a picture, or it has labels that `labels` lacks.
        """
        picture, name = read_picture(path), str(path)
        compressed = picture.format == "jpeg"  # its greys near black and white are no labels
        if labels:
            weights = labelled(picture.bgr, labels, name, compressed=compressed)
        elif compressed:
            weights = by_light(picture.bgr)
        else:
            weights = inside_and_outside(picture.bgr, picture.alpha, name)
        return cls(weights, feather=feather, name=name)

    @property
    def count(self) -> int:
        """How many regions it has."""
        return len(self._weights)

    def weights(self, height: int, width: int) -> Weights:
        """The regions' weights at a frame's size; a mask of another size is resized, with a warning the first time."""
        size = height, width
        if size not in self._fitted:
            tell_resizing(self.name, self._weights, height, width)
            self._fitted[size] = feathered(resized(self._weights, height, width), self._feather)
            if len(self._fitted) > _KEPT_SIZES:
                self._fitted.popitem(last=False)
        self._fitted.move_to_end(size)
        return self._fitted[size]


def inside_and_outside(bgr: Image, alpha: NDArray[np.uint8] | None = None, name: str = "the mask") -> Weights:
    """Two regions from a picture of light and dark: white is inside, black outside, grey is between.

    A picture with transparency is inside where it is opaque. Of a picture with two values the lighter is inside.

    Args:
        bgr: uint8 (height, width, 3).
        alpha: uint8 (height, width), or None.

    Raises:
        InputError: the picture is one of three to 16 labels.
    """
    gray = alpha if alpha is not None else np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
    counts = np.bincount(gray.ravel(), minlength=256)
    levels = np.flatnonzero(counts)
    between = 1 - (counts[levels[0]] + counts[levels[-1]]) / gray.size
    if len(levels) <= 2:
        inside = ((gray == levels[-1]) & (levels[-1] > 0)).astype(np.float32)
    elif len(levels) <= 16 and between > _STRAY and alpha is None:
        raise _too_many_labels(bgr, np.ones(gray.shape, bool), [], name)
    else:
        inside = gray.astype(np.float32) / 255
    for part, weight in (("inside", inside), ("outside", 1 - inside)):
        if not weight.any():
            log.warning("%s: nothing of it is %s", name, part)
    return [inside, 1 - inside]


def by_light(bgr: Image) -> Weights:
    """Two regions, light is inside, for JPEGs and films' frames: what a codec leaves of black and white is cut off."""
    gray = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).astype(np.float32)
    inside = np.clip((gray - _NOISE) / np.float32(255 - 2 * _NOISE), 0, 1, dtype=np.float32)
    return [inside, 1 - inside]


def labelled(bgr: Image, labels: Sequence[Label], name: str = "the mask", *, compressed: bool = False) -> Weights:
    """Regions by colour; a few pixels of other colours, as smoothed edges have, count as the nearest label's.

    Args:
        bgr: uint8 (height, width, 3).
        labels: of the regions; the one that is None takes all colours which the others do not.
        compressed: the colours are not exact, however few there are.

    Raises:
        InputError: more than a few pixels have a colour that no label names; they are listed.
    """
    regions = np.full(bgr.shape[:2], _UNKNOWN, np.int16)
    for index, label in enumerate(labels):
        if label is not None:
            regions[cv2.inRange(bgr, label, label) > 0] = index
    unknown = regions == _UNKNOWN
    if unknown.any():
        regions = _with_unknown(bgr, unknown, labels, name, compressed=compressed)
    weights = [(regions == index).astype(np.float32) for index in range(len(labels))]
    for label, weight in zip(labels, weights, strict=True):
        if not weight.any():
            log.warning("%s: no pixel of it is %s", name, label_text(label))
    return weights


def labelled_smoothly(bgr: Image, labels: Sequence[Label]) -> Weights:
    """Regions by the nearest label, for pictures out of a film, which never hold exact colours."""
    nearest, distance = _nearest(bgr, labels)
    if None in labels:
        nearest[distance > _NEAR] = labels.index(None)
    return [(nearest == index).astype(np.float32) for index in range(len(labels))]


def feather_for(weights: Weights, feather: float | None) -> float | None:
    """What was asked for; else none where the weights are soft already, and None for the default."""
    if feather is None and np.mean((weights[0] > 0.1) & (weights[0] < 0.9)) > 0.02:
        return 0.0
    return feather


def resized(weights: Weights, height: int, width: int) -> Weights:
    """Weights for a picture of another size; enlarged edges become soft, not stairs."""
    if weights[0].shape == (height, width):
        return weights
    smaller = height * width < weights[0].size
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return [np.asarray(cv2.resize(weight, (width, height), interpolation=way), np.float32) for weight in weights]


def feathered(weights: Weights, feather: float | None) -> Weights:
    """Soft edges: from one region alone to the other alone in `feather` pixels, None for 2 % of the short side."""
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


def mixed(pictures: Sequence[Image], weights: Weights) -> Image:
    """The pictures uint8 (height, width, 3), each to the share of its weights; of weight 1 it is exactly itself."""
    picture, total = pictures[0], weights[0]
    for other, weight in zip(pictures[1:], weights[1:], strict=True):
        picture = np.asarray(cv2.blendLinear(picture, other, total, weight), np.uint8)
        total = total + weight
    return picture


def tell_resizing(name: str, weights: Weights, height: int, width: int) -> None:
    """Log that a mask has another size than the frames, where it has."""
    own_height, own_width = weights[0].shape
    if (own_height, own_width) != (height, width):
        log.warning("%s: %dx%d px, resized to the picture's %dx%d", name, own_width, own_height, width, height)


def _with_unknown(
    bgr: Image, unknown: NDArray[np.bool_], labels: Sequence[Label], name: str, *, compressed: bool
) -> NDArray[np.int16]:
    """The region of every pixel, where some have colours that no label names exactly."""
    smoothed = compressed or len(np.unique(_packed(bgr[unknown]))) > _FEW
    nearest, distance = _nearest(bgr, labels)
    strange = distance > _NEAR if smoothed else unknown
    share = float(strange.mean())
    if None in labels:
        nearest[strange] = labels.index(None)
    elif share > _STRAY:
        raise _too_many_labels(bgr, strange, labels, name)
    elif share and not smoothed:
        log.warning("%s: %.2g %% of it has colours that no region names; the nearest counts", name, 100 * share)
    return nearest


def _packed(bgr: NDArray[np.uint8]) -> NDArray[np.int32]:
    """One number for each colour."""
    wide = bgr.astype(np.int32)
    packed: NDArray[np.int32] = wide[..., 0] | wide[..., 1] << 8 | wide[..., 2] << 16
    return packed


def _nearest(bgr: Image, labels: Sequence[Label]) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """For every pixel the index of the nearest label, and how far it is in the channel that differs most."""
    nearest = np.zeros(bgr.shape[:2], np.int16)
    distance = np.full(bgr.shape[:2], 255, np.uint8)
    for index, label in enumerate(labels):
        if label is None:
            continue
        planes: Any = cv2.split(cv2.absdiff(bgr, np.array([[label]], np.uint8) + np.zeros_like(bgr)))
        far = np.asarray(cv2.max(cv2.max(planes[0], planes[1]), planes[2]), np.uint8)
        closer = far < distance
        nearest[closer] = index
        distance = np.minimum(distance, far)
    return nearest, distance


def _too_many_labels(bgr: Image, where: NDArray[np.bool_], labels: Sequence[Label], name: str) -> InputError:
    colors, counts = np.unique(_packed(bgr)[where], return_counts=True)
    largest = np.sort(np.argsort(-counts)[:_LISTED])
    found: list[Label] = [(int(color) & 255, int(color) >> 8 & 255, int(color) >> 16) for color in colors[largest]]
    shares = [
        f"{label_text(label)} ({count / where.size:.1%})" for label, count in zip(found, counts[largest], strict=True)
    ]
    more = f" and {len(colors) - len(found)} more" if len(colors) > len(found) else ""
    if labels:
        told = f"has labels that no region names: {', '.join(shares)}{more}; named are {label_list(labels)}"
        return InputError(f"{name}: {told}. Name them too, or add other=none to --regions")
    example = f'--regions "{label_list(found, "=none, ")}=none"'
    return InputError(
        f"{name}: has {len(colors)} labels ({', '.join(shares)}{more}) for two styles, inside and outside. "
        f"Name a style for each label: {example}, with styles in place of none"
    )
