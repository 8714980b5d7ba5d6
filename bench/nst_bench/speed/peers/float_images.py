"""Frames as float pictures and back, in numpy, as the tutorials of every framework do it."""

import numpy as np
from nst_rt.stylizer.stylizer import Frame
from numpy.typing import NDArray

FloatPicture = NDArray[np.float32]


def to_float(frame: Frame, white: float) -> FloatPicture:
    """uint8 (H, W, 3) BGR to float32 (1, 3, H, W) RGB, 255 becoming `white`."""
    picture = frame[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)
    if white != 255:
        picture *= white / 255
    return np.ascontiguousarray(picture[None])


def to_frame(picture: FloatPicture, white: float) -> Frame:
    """float32 (3, H, W) RGB to uint8 (H, W, 3) BGR, rounded and clamped."""
    bytes_ = np.clip(np.rint(picture * (255 / white)), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(bytes_.transpose(1, 2, 0)[:, :, ::-1])
