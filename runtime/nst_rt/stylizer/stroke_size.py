"""Larger or finer strokes: the network paints a smaller or larger image, which is brought back to the frame's size.

A network's strokes have the size, in pixels, that they had in training; the more pixels a frame has, the finer they
look in it. Where they are to be k times as large, the frame is reduced by k, which also leaves the network one pixel in
k^2 to paint. (Jing et al. 2018, "Stroke Controllable Fast Style Transfer", train a network for several sizes instead.)
"""

from typing import cast

import cv2
import numpy as np

from nst_rt.contract import BT601_LUMINANCE, Frame


def resized(frames: Frame, height: int, width: int) -> Frame:
    """Frames uint8 (N, H, W, 3) at the size to paint: by area averaging where it is smaller, else bicubic."""
    found = np.empty((len(frames), height, width, 3), np.uint8)
    for frame, place in zip(frames, found, strict=True):
        _resize(frame, place)
    return found


def brought_back(
    painted: Frame, given: Frame, frames: Frame, strength: float, color: float, out: Frame | None
) -> Frame:
    """What was painted, uint8 (N, h, w, 3), at the frames' size (N, H, W, 3).

    Args:
        given: the frames at the size that was painted.
        strength, color: as far as the frames show through, so do their details that `given` has lost, in brightness
            and in colour; at strength 0 the result is the frames.
        out: memory for the result, which may be that of the frames.
    """
    result = np.empty_like(frames) if out is None else out
    # What becomes of the photograph's pixel p in the graphs' s x + (1 - s) p + (1 - c) s (p - x - 1 y'(p - x)).
    shown = (1 - strength) * np.eye(3) + (1 - color) * strength * (np.eye(3) - np.tile(BT601_LUMINANCE, (3, 1)))
    for index, frame in enumerate(frames):
        if not shown.any():
            _resize(painted[index], result[index])
            continue
        lost = cv2.subtract(frame, _resize(given[index], np.empty_like(frame)), dtype=cv2.CV_16S)
        image = _resize(painted[index], np.empty_like(frame))
        cv2.add(image, cv2.transform(lost, shown), dst=result[index], dtype=cv2.CV_8U)
    return result


def _resize(frame: Frame, place: Frame) -> Frame:
    """The frame, written to `place` in its size."""
    height, width = place.shape[:2]
    smaller = height * width < frame.shape[0] * frame.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return cast(Frame, cv2.resize(frame, (width, height), dst=place, interpolation=interpolation))
