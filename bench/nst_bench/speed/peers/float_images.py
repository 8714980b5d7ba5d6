"""Frames as float images and back, in numpy, as the tutorials of every framework do it."""

import numpy as np
from nst_rt.contract import Frame
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]


def to_float(frame: Frame, white: float) -> FloatImage:
    """uint8 (H, W, 3) BGR to float32 (1, 3, H, W) RGB, 255 becoming `white`."""
    image = frame[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)
    if white != 255:
        image *= white / 255
    return np.ascontiguousarray(image[None])


def to_frame(image: FloatImage, white: float) -> Frame:
    """float32 (3, H, W) RGB to uint8 (H, W, 3) BGR, rounded and clamped."""
    bytes_ = np.clip(np.rint(image * (255 / white)), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(bytes_.transpose(1, 2, 0)[:, :, ::-1])
