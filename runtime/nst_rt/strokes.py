"""Larger or finer strokes: the network paints a smaller or larger picture, which is brought back to the frame's size.

A network's strokes have the size, in pixels, that they had in training; the more pixels a frame has, the finer they
look in it. Where they are to be k times as large, the frame is reduced by k, which also leaves the network one pixel in
k^2 to paint. (Jing et al. 2018, "Stroke Controllable Fast Style Transfer", train a network for several sizes instead.)
"""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


def resized(frames: Frames, height: int, width: int) -> Frames:
    """Frames uint8 (N, H, W, 3) at the size to paint: by area averaging where it is smaller, else bicubic."""
    return np.stack([_resized(frame, height, width) for frame in frames])


def brought_back(painted: Frames, given: Frames, frames: Frames, strength: float, out: Frames | None) -> Frames:
    """What was painted, uint8 (N, h, w, 3), at the frames' size (N, H, W, 3).

    Args:
        given: the frames at the size that was painted.
        strength: as far as the frames show through, so do their details that `given` has lost; at 0 the result is the
            frames.
        out: memory for the result.
    """
    result = np.empty_like(frames) if out is None else out
    height, width = frames.shape[1:3]
    for index, frame in enumerate(frames):
        picture = _resized(painted[index], height, width)
        if strength < 1:
            lost = cv2.subtract(frame, _resized(given[index], height, width), dtype=cv2.CV_16S)
            picture = cast(Frames, cv2.addWeighted(picture, 1.0, lost, 1.0 - strength, 0.0, dtype=cv2.CV_8U))
        result[index] = picture
    return result


def _resized(frame: Frames, height: int, width: int) -> Frames:
    smaller = height * width < frame.shape[0] * frame.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return cast(Frames, cv2.resize(frame, (width, height), interpolation=interpolation))
