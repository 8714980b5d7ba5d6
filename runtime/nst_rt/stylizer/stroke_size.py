"""Larger or finer strokes: the network runs on a smaller or larger image, which is then resized to the frame's size.

A network's strokes have a fixed size in pixels, from its training, so they look finer in frames with more pixels. For
strokes k times as large the frame is reduced by k, which also leaves one pixel in k^2 for the network. (Jing et al.
2018, "Stroke Controllable Fast Style Transfer", train a network for several sizes instead.)
"""

from typing import cast

import cv2
import numpy as np

from nst_rt.contract import BT601_LUMINANCE, Frame


def resized(frames: Frame, height: int, width: int) -> Frame:
    """Frames uint8 (N, H, W, 3) at the inference size: by area averaging where that is smaller, else bicubic."""
    found = np.empty((len(frames), height, width, 3), np.uint8)
    for frame, place in zip(frames, found, strict=True):
        _resize(frame, place)
    return found


def restored(stylized: Frame, given: Frame, frames: Frame, strength: float, color: float, out: Frame | None) -> Frame:
    """The network's result, uint8 (N, h, w, 3), resized to the size of the frames, (N, H, W, 3).

    Args:
        given: the frames at the inference size.
        strength, color: where they let the frames show through, the details that `given` has lost are added again, in
            brightness and in colour; at strength 0 the result is the frames.
        out: memory for the result; it may be that of the frames.
    """
    result = np.empty_like(frames) if out is None else out
    # The weight of the photograph's pixel p in s x + (1 - s) p + (1 - c) s (p - x - 1 y'(p - x)), which the graphs
    # compute from p and the network's x.
    shown = (1 - strength) * np.eye(3) + (1 - color) * strength * (np.eye(3) - np.tile(BT601_LUMINANCE, (3, 1)))
    for index, frame in enumerate(frames):
        if not shown.any():
            _resize(stylized[index], result[index])
            continue
        lost = cv2.subtract(frame, _resize(given[index], np.empty_like(frame)), dtype=cv2.CV_16S)
        image = _resize(stylized[index], np.empty_like(frame))
        cv2.add(image, cv2.transform(lost, shown), dst=result[index], dtype=cv2.CV_8U)
    return result


def _resize(frame: Frame, place: Frame) -> Frame:
    """Resize the frame to the size of `place`, into it."""
    height, width = place.shape[:2]
    smaller = height * width < frame.shape[0] * frame.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return cast(Frame, cv2.resize(frame, (width, height), dst=place, interpolation=interpolation))
