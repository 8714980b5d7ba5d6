"""The weights of a mask, read from an image of labels, or of light and dark."""

import logging
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import Frame
from nst_rt.errors import InputError
from nst_rt.masks.weights import Weights
from nst_rt.styles.regions import Label, label_list, label_text

log = logging.getLogger("nst_rt")

_FEW = 64
"""The most colours of an image of labels; an image with more was smoothed or compressed."""
_STRAY = 0.005
"""The share of a mask's pixels that may have colours without a label, such as smoothed edges."""
_NEAR = 48
"""The largest difference, in the channel that differs most, at which a colour of a smoothed mask is a label's."""
_UNKNOWN = -1
_NOISE = 12
"""The largest error of a codec near black and white."""
_LISTED = 12
"""The most labels that an error lists, the largest ones."""


def inside_and_outside(bgr: Frame, alpha: NDArray[np.uint8] | None = None, name: str = "the mask") -> Weights:
    """Two regions from an image of light and dark: white is inside, black outside, grey is between.

    An image with transparency is inside where it is opaque. Of two values the lighter one is inside.

    Args:
        bgr: uint8 (height, width, 3).
        alpha: uint8 (height, width), or None.

    Raises:
        InputError: the image is one of three to 16 labels.
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


def by_light(bgr: Frame) -> Weights:
    """Two regions, light inside and dark outside, for JPEGs and videos, whose black and white are not exact."""
    gray = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).astype(np.float32)
    inside = np.clip((gray - _NOISE) / np.float32(255 - 2 * _NOISE), 0, 1, dtype=np.float32)
    return [inside, 1 - inside]


def labelled(bgr: Frame, labels: Sequence[Label], name: str = "the mask", *, compressed: bool = False) -> Weights:
    """Regions by colour. A few pixels of other colours, such as smoothed edges, count as the nearest label's.

    Args:
        bgr: uint8 (height, width, 3).
        labels: of the regions; the label None takes all colours that the others do not.
        compressed: the colours are not exact, even if there are few.

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


def labelled_smoothly(bgr: Frame, labels: Sequence[Label]) -> Weights:
    """Regions by the nearest label, for frames of videos, whose colours are never exact."""
    nearest, distance = _nearest(bgr, labels)
    if None in labels:
        nearest[distance > _NEAR] = labels.index(None)
    return [(nearest == index).astype(np.float32) for index in range(len(labels))]


def _with_unknown(
    bgr: Frame, unknown: NDArray[np.bool_], labels: Sequence[Label], name: str, *, compressed: bool
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


def _nearest(bgr: Frame, labels: Sequence[Label]) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
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


def _too_many_labels(bgr: Frame, where: NDArray[np.bool_], labels: Sequence[Label], name: str) -> InputError:
    colors, counts = np.unique(_packed(bgr)[where], return_counts=True)
    largest = np.sort(np.argsort(-counts)[:_LISTED])
    found: list[Label] = [(int(color) & 255, int(color) >> 8 & 255, int(color) >> 16) for color in colors[largest]]
    shares = [
        f"{label_text(label)} ({count / where.size:.1%})" for label, count in zip(found, counts[largest], strict=True)
    ]
    more = f" and {len(colors) - len(found)} more" if len(colors) > len(found) else ""
    if labels:
        told = f"has labels that no region names: {', '.join(shares)}{more}; named are {label_list(labels)}"
        return InputError(f"{name}: {told}. Name them too, or add other=none to the regions", parameter="regions")
    example = f'"{label_list(found, "=none, ")}=none"'
    return InputError(
        f"{name}: has {len(colors)} labels ({', '.join(shares)}{more}) for two styles, inside and outside. "
        f"Give regions with a style for each label: {example}, with styles in place of none",
        parameter="regions",
    )
